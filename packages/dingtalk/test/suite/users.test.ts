import { afterEach, describe, expect, it } from 'vitest';
import { visit } from '../world.js';
import { HOUR, SUITE, World } from './world.js';

const REDIRECT = { redirectUri: 'https://isv.example/callback' } as const;

let there: World | undefined;
afterEach(() => there?.close());

async function openUsers(options = {}) {
  there = await World.open({ users: [{ unionId: 'union-lan', nick: '王兰' }] });
  const { dingtalkApi: api, dingtalkOapi: oapi } = there.sandbox.urls;
  const suite = there.suite({ baseUrls: { api, oapi, login: api }, userTokens: true, ...options });
  const tokens = there.manager(suite);
  return { there, suite, tokens, client: suite.client(tokens) };
}

describe('a user of a suite', () => {
  it('signs in with the suite’s key, and keeps a pair of its own, rotated by use', async () => {
    const { there, suite, tokens, client } = await openUsers();
    const start = client.signIn(REDIRECT);
    expect(new URL(start.url).searchParams.get('client_id')).toBe(SUITE);
    const who = await client.handleCallback(await visit(start, 'union-lan'), start.binding);
    expect(who).toMatchObject({ unionId: 'union-lan' });
    const { accessToken } = suite.user(who);
    expect(accessToken.key).toBe(`et1/dingtalk/${SUITE}/user_access_token/union-lan`);
    const first = await tokens.get(accessToken);
    expect(await client.user(who).me()).toMatchObject({ unionId: 'union-lan' });
    there.clock.jump(3 * HOUR);
    expect((await tokens.get(accessToken)).value).not.toBe(first.value);
    expect(suite.source('user_access_token', 'union-lan')?.key).toBe(accessToken.key);
  });

  it('is told who it is, and keeps nothing, without the option', async () => {
    const { suite, tokens, client } = await openUsers({ userTokens: undefined });
    const start = client.signIn(REDIRECT);
    const who = await client.handleCallback(await visit(start, 'union-lan'), start.binding);
    expect(who).toMatchObject({ unionId: 'union-lan' });
    for await (const { kind } of tokens.inspect()) expect(kind).not.toBe('user_access_token');
    expect(() => suite.user(who)).toThrow(/"userTokens" must be true/);
    expect(suite.kinds.map(({ kind }) => kind)).not.toContain('user_access_token');
  });
});
