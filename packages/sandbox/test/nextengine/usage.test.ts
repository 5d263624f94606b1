import { expect, it } from 'vitest';
import { DAY, getJson, HOUR, NEXTENGINE, postForm, SECOND } from '../support.js';
import { call, exchange, issue, startNextEngine } from './support.js';

const { clientId, clientSecret } = NEXTENGINE;
const users = [
  { uid: 'ada', companyId: '1' },
  { uid: 'ben', companyId: '1' },
  { uid: 'cat', companyId: '2' },
];

it('calls are counted by month, app, company and user, whatever came of them', async () => {
  const sandbox = await startNextEngine({ users });
  const [ada, ben, cat] = [issue(sandbox, 'ada'), issue(sandbox, 'ben'), issue(sandbox, 'cat')];
  await call(sandbox, ada);
  await call(sandbox, ada, {}, '/api_v1_nothing/info');
  sandbox.fault({ kind: 'code', code: '999999' });
  await call(sandbox, ben);
  sandbox.fault({ kind: 'drop' });
  await expect(call(sandbox, cat)).rejects.toThrow();
  await postForm(`${sandbox.urls.nextengineApi}/api_app/company`, { client_id: clientId, client_secret: clientSecret });
  const companies = [
    { companyId: '1', calls: 3, over: false },
    { companyId: '2', calls: 1, over: false },
  ];
  const month = { month: '2026-11', calls: 5, over: false, companies };
  expect(sandbox.state().nextengine[0]?.usage).toEqual(month);
  expect(sandbox.nextengine.usage()).toEqual([
    { clientId, monthlyFreeCalls: 1000, months: [{ ...month, users: { ada: 2, ben: 1, cat: 1 } }] },
  ]);
});

it('sign-ins, calls of nobody and answers of a gateway are not counted', async () => {
  const sandbox = await startNextEngine({ users });
  await exchange(sandbox, sandbox.nextengine.signIn(clientId, 'ada'));
  await call(sandbox, { accessToken: 'garbage' });
  sandbox.fault({ kind: 'html' });
  await fetch(`${sandbox.urls.nextengineApi}/api_v1_login_user/info`, { method: 'POST' });
  expect(sandbox.state().nextengine[0]?.usage).toMatchObject({ calls: 0, companies: [] });
});

it('a month begins at midnight in Japan', async () => {
  const sandbox = await startNextEngine({ users });
  // The sandbox starts at 2026-11-02 10:30 in Japan.
  sandbox.advance(28 * DAY + 13.5 * HOUR - SECOND);
  await call(sandbox, issue(sandbox, 'ada'));
  sandbox.advance(SECOND);
  expect(sandbox.state().nextengine[0]?.usage).toMatchObject({ month: '2026-12', calls: 0 });
  await call(sandbox, issue(sandbox, 'ada'));
  const [usage] = sandbox.nextengine.usage(clientId);
  expect(usage?.months).toMatchObject([
    { month: '2026-11', calls: 1 },
    { month: '2026-12', calls: 1 },
  ]);
});

it('more calls than are free are marked as such, and never refused', async () => {
  const sandbox = await startNextEngine({ users, monthlyFreeCalls: 2 });
  const [ada, cat] = [issue(sandbox, 'ada'), issue(sandbox, 'cat')];
  for (const pair of [ada, cat]) await call(sandbox, pair);
  expect(sandbox.state().nextengine[0]?.usage.over).toBe(false);
  for (const pair of [ada, ada]) expect((await call(sandbox, pair)).result).toBe('success');
  expect(sandbox.state().nextengine[0]?.usage).toMatchObject({
    over: true,
    companies: [
      { companyId: '1', calls: 3, over: true },
      { companyId: '2', calls: 1, over: false },
    ],
  });
});

it('other programs can ask for it; a reset forgets it', async () => {
  const sandbox = await startNextEngine({ users });
  await call(sandbox, issue(sandbox, 'ada'));
  const ask = (query = '') => getJson(`${sandbox.url}/_sandbox/nextengine/usage${query}`);
  expect(await ask()).toMatchObject({ usage: [{ clientId, months: [{ calls: 1 }] }] });
  expect(await ask('?clientId=nobody')).toMatchObject({ error: expect.stringContaining('"clientId"') });
  sandbox.reset();
  expect(await ask(`?clientId=${clientId}`)).toEqual({ usage: [{ clientId, monthlyFreeCalls: 1000, months: [] }] });
});
