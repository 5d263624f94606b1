import { expect, it } from 'vitest';
import { NEXTENGINE, postForm } from '../support.js';
import { call, issue, SUZUKI, startNextEngine, TANAKA } from './support.js';

it('the login user is told in full, every value a string or null', async () => {
  const sandbox = await startNextEngine();
  const { count, data } = await call(sandbox, issue(sandbox));
  expect(count).toBe('1');
  expect(data[0]).toMatchObject({ uid: TANAKA, pic_id: '1', pic_kana: 'タナカ', pic_phone: null });
  expect(Object.values(data[0] ?? {}).every((value) => value === null || typeof value === 'string')).toBe(true);
});

it('the login company is told', async () => {
  const sandbox = await startNextEngine();
  const { data } = await call(sandbox, issue(sandbox), {}, '/api_v1_login_company/info');
  expect(data[0]).toMatchObject({ company_id: '1000', company_ne_id: 'ne-company-1000' });
});

it('orders are searched by page, with the columns that were asked for', async () => {
  const sandbox = await startNextEngine({ orders: 5 });
  const path = '/api_v1_receiveorder_base/search';
  const fields = { fields: 'receive_order_id,receive_order_date', offset: '3', limit: '10' };
  const { count, data } = await call(sandbox, issue(sandbox), fields, path);
  expect(count).toBe('5');
  expect(data.map((row) => row['receive_order_id'])).toEqual(['4', '5']);
  expect(Object.keys(data[0] ?? {})).toEqual(['receive_order_id', 'receive_order_date']);
});

it('a search needs columns, and its refusal carries the tokens', async () => {
  const sandbox = await startNextEngine();
  const body = await call(sandbox, issue(sandbox), {}, '/api_v1_receiveorder_base/search');
  expect(body.result).toBe('error');
  expect(body.access_token).toBeTypeOf('string');
});

it('conditions are joined, and counting needs no columns', async () => {
  const sandbox = await startNextEngine();
  const pair = issue(sandbox);
  const fields = { 'receive_order_id-gte': '3', 'receive_order_id-in': '1,3,5', 'receive_order_id-neq': '5' };
  expect((await call(sandbox, pair, fields, '/api_v1_receiveorder_base/count')).count).toBe('1');
});

it('the count of a search is that of the page where the switch says so', async () => {
  const sandbox = await startNextEngine({ searchCount: 'page' });
  const fields = { fields: 'receive_order_id', limit: '2' };
  expect((await call(sandbox, issue(sandbox), fields, '/api_v1_receiveorder_base/search')).count).toBe('2');
});

it('companies that use the app are listed once each, by its credentials alone', async () => {
  const users = [
    { uid: TANAKA, companyId: '1' },
    { uid: SUZUKI, companyId: '1' },
    { uid: 'user-sato', companyId: '2', cancelled: true },
  ];
  const sandbox = await startNextEngine({ users });
  const url = `${sandbox.urls.nextengineApi}/api_app/company`;
  const credentials = { client_id: NEXTENGINE.clientId, client_secret: NEXTENGINE.clientSecret };
  const { data } = await postForm(url, credentials);
  expect(data.map((row) => row['company_id'])).toEqual(['1']);
  expect((await postForm(url, { ...credentials, client_secret: 'wrong' })).code).toBe('001003');
});
