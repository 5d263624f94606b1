import { TokenError } from '@evertoken/core';
import { describe, expect, it } from 'vitest';
import { NextEngineError, nextEngineApp } from '../src/index.js';
import { answering, impatientClock, type Reply, recordingTokens, shown, tokenErrorOf } from './support.js';

const SEARCH = '/api_v1_receiveorder_base/search';
const COUNT = '/api_v1_receiveorder_base/count';
const UPDATE = '/api_v1_receiveorder_base/update';
const DONE = { result: 'success' };
const code = (digits: string) => ({ result: 'error', code: digits });
const LOST = new TypeError('fetch failed');

function calling(replies: Reply[], options = {}) {
  const { fetch, seen } = answering(...replies);
  const tokens = recordingTokens(['A1', 'A2', 'A3'], fetch);
  const clock = impatientClock();
  const app = nextEngineApp({
    name: 'erp',
    clientId: 'c',
    clientSecret: 'cs',
    fetch,
    clock,
    random: () => 0.5,
    ...options,
  });
  return { client: app.client(tokens).user('u1'), tokens, seen, waits: clock.waits };
}

describe('a call that only reads', () => {
  it.each<[string, Reply]>([
    ['no answer', LOST],
    ['an answer that makes no sense', '<html></html>'],
    ['999999', code('999999')],
  ])('is made once more after %s', async (_, reply) => {
    const { client, seen } = calling([reply, DONE]);
    expect(await client.call(SEARCH)).toEqual(DONE);
    expect(seen).toHaveLength(2);
  });

  it('is not made a third time', async () => {
    const { client, seen } = calling([LOST]);
    expect(await tokenErrorOf(client.call(SEARCH, {}, { retries: 9 }))).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT' });
    expect(seen).toHaveLength(2);
    const other = calling([code('999999')]);
    await expect(other.client.call(COUNT)).rejects.toMatchObject({ code: '999999', category: 'fatal' });
    expect(other.seen).toHaveLength(2);
  });

  it('is made once with retries: 0', async () => {
    const { client, seen } = calling([LOST, DONE]);
    expect((await tokenErrorOf(client.call(SEARCH, {}, { retries: 0 }))).code).toBe('ERR_TOKEN_TRANSPORT');
    expect(seen).toHaveLength(1);
  });
});

describe('a call that may change something', () => {
  it.each<[string, Reply]>([
    ['no answer', LOST],
    ['an answer that makes no sense', '<html></html>'],
    ['999999', code('999999')],
  ])('is never repeated after %s', async (_, reply) => {
    const { client, seen, waits } = calling([reply, DONE]);
    await expect(client.call(UPDATE, {}, { retries: 9 })).rejects.toThrow();
    expect([seen.length, waits]).toEqual([1, []]);
  });

  it('that ran out of time is never repeated', async () => {
    let sent = 0;
    const stuck: typeof fetch = (_input, init) => {
      sent++;
      return new Promise((_, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)));
    };
    const { client } = calling([], { fetch: stuck });
    expect(await tokenErrorOf(client.call(UPDATE, {}, { timeoutMs: 5 }))).toMatchObject({ reason: 'timeout' });
    expect(sent).toBe(1);
  });

  it.each(['003001', '003002', '008003', '008007', '008010', '009005', '011007', '020007', '000001'])(
    'is repeated after %s, which says that nothing was done',
    async (digits) => {
      const { client, seen } = calling([code(digits), code(digits), DONE]);
      expect(await client.call(UPDATE, { data: 'x' })).toEqual(DONE);
      expect(new Set(seen.map(({ form }) => JSON.stringify(form))).size).toBe(1);
    },
  );

  it('is made once more where the token was refused, before it did anything', async () => {
    const { client, seen } = calling([code('002002'), DONE]);
    await client.call(UPDATE, {}, { retries: 0 });
    expect(seen.map(({ form }) => form['access_token'])).toEqual(['A1', 'A2']);
  });
});

describe('repetitions', () => {
  it.each(['002003', '003003', '002007', '003004', '003005', '020500', '000002', '123456'])(
    'do not follow %s',
    async (digits) => {
      const { client, seen } = calling([code(digits), DONE]);
      await expect(client.call(SEARCH)).rejects.toMatchObject({ code: digits });
      expect(seen).toHaveLength(1);
    },
  );

  it('are two, five seconds apart and doubling, of which chance takes a part', async () => {
    const { client, seen, waits } = calling([code('003002')]);
    const error = await client.call(SEARCH).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NextEngineError);
    expect(error).toMatchObject({ code: '003002', category: 'busy', retryable: true });
    expect([seen.length, waits]).toEqual([3, [2_500, 5_000]]);
  });

  it('are as many and as far apart as they are told to be, and never at once', async () => {
    const { client, waits } = calling([code('000001')], { retryIntervalMs: 100, random: () => 0 });
    await expect(client.call(SEARCH, {}, { retries: 4 })).rejects.toThrow();
    expect(waits).toEqual([10, 10, 10, 10]);
  });

  it('are made with the token of their time', async () => {
    const { client, seen, tokens } = calling([code('003002'), code('002002'), DONE]);
    await client.call(SEARCH);
    expect(seen.map(({ form }) => form['access_token'])).toEqual(['A1', 'A1', 'A2']);
    expect(tokens.log.map(([what]) => what)).toEqual(['get', 'get', 'reject']);
  });

  it('end with the signal, while they wait too', async () => {
    const waiting = { now: () => 0, monotonic: () => 0, after: () => () => {} };
    const { client, seen } = calling([code('003002')], { clock: waiting });
    const stop = new AbortController();
    const call = tokenErrorOf(client.call(SEARCH, {}, { signal: stop.signal }));
    while (seen.length === 0) await new Promise(setImmediate);
    await new Promise(setImmediate);
    stop.abort();
    expect(await call).toMatchObject({ code: 'ERR_TOKEN_ABORTED', account: 'erp' });
    expect(seen).toHaveLength(1);
  });

  it('do not follow what is wrong with the token itself', async () => {
    const refusal = new TokenError('ERR_TOKEN_TRANSPORT', 'the renewal failed');
    const { client, seen, tokens } = calling([DONE]);
    tokens.get = () => Promise.reject(refusal);
    expect(await tokenErrorOf(client.call(SEARCH))).toBe(refusal);
    expect(seen).toEqual([]);
  });
});

describe('waiting for the main function', () => {
  it('is an option and no parameter', async () => {
    const { client, seen } = calling([DONE]);
    await client.call(SEARCH, {}, { waitFlag: true });
    expect(seen[0]?.form).toEqual({ access_token: 'A1', wait_flag: '1' });
    await expect(client.call(SEARCH, { wait_flag: '1' }, { waitFlag: true })).rejects.toThrow(/option "waitFlag"/);
    await expect(client.call(SEARCH, { wait_flag: '1' })).rejects.toBeInstanceOf(TypeError);
  });

  it.each<[string, object]>([
    ['"retries"', { retries: -1 }],
    ['"retries"', { retries: 1.5 }],
    ['"timeoutMs"', { timeoutMs: 0 }],
    ['"waitFlag"', { waitFlag: 1 }],
  ])('and other options are named where they are wrong: %s %j', async (name, options) => {
    const { client, seen } = calling([DONE]);
    await expect(client.call(SEARCH, {}, options)).rejects.toThrow(name);
    expect(seen).toEqual([]);
  });
});

describe('a search', () => {
  const rows = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => ({ id: String(from + i) }));
  const page = (from: number, to: number) => ({ result: 'success', count: '1', data: rows(from, to) });
  const collect = async (items: AsyncIterable<object>) => {
    const list: object[] = [];
    for await (const item of items) list.push(item);
    return list;
  };

  it('goes on until a page is not full, whatever the count says', async () => {
    const { client, seen } = calling([page(0, 3), page(3, 6), page(6, 7)]);
    expect(await collect(client.search(SEARCH, { fields: ['id'], 'id-gt': 0 }, { pageSize: 3 }))).toEqual(rows(0, 7));
    expect(seen.map(({ form }) => [form['offset'], form['limit'], form['fields'], form['id-gt']])).toEqual([
      ['0', '3', 'id', '0'],
      ['3', '3', 'id', '0'],
      ['6', '3', 'id', '0'],
    ]);
  });

  it('ends with an empty page where the last was full', async () => {
    const { client, seen } = calling([page(0, 2), page(2, 2)]);
    expect(await collect(client.search(SEARCH, { fields: 'id' }, { pageSize: 2 }))).toEqual(rows(0, 2));
    expect(seen).toHaveLength(2);
  });

  it('begins where it is told to, with a thousand rows a page', async () => {
    const { client, seen } = calling([page(0, 1)]);
    await collect(client.search(SEARCH, { fields: 'id', offset: '50' }));
    expect(seen[0]?.form).toMatchObject({ offset: '50', limit: '1000' });
  });

  it('asks for no page that nobody wants', async () => {
    const { client, seen } = calling([page(0, 2)]);
    const search = client.search<{ id: string }>(SEARCH, { fields: 'id' }, { pageSize: 2 });
    expect(seen).toEqual([]);
    for await (const row of search) {
      expect(row.id).toBe('0');
      break;
    }
    expect(seen).toHaveLength(1);
  });

  it('repeats a page as a call does, and waits where it is told to', async () => {
    const { client, seen } = calling([page(0, 2), code('003002'), LOST, page(2, 3)]);
    const options = { pageSize: 2, waitFlag: true };
    expect(await collect(client.search(SEARCH, { fields: 'id' }, options))).toEqual(rows(0, 3));
    expect(seen.map(({ form }) => [form['offset'], form['wait_flag']])).toEqual([
      ['0', '1'],
      ['2', '1'],
      ['2', '1'],
      ['2', '1'],
    ]);
  });

  it.each<[string, string, object, object]>([
    ['"path"', UPDATE, { fields: 'id' }, {}],
    ['"path"', 'https://evil.example/search', { fields: 'id' }, {}],
    ['"fields"', SEARCH, {}, {}],
    ['"fields"', SEARCH, { fields: [] }, {}],
    ['"limit"', SEARCH, { fields: 'id', limit: 10 }, {}],
    ['"offset"', SEARCH, { fields: 'id', offset: -1 }, {}],
    ['"pageSize"', SEARCH, { fields: 'id' }, { pageSize: 0 }],
    ['"retries"', SEARCH, { fields: 'id' }, { retries: -1 }],
    ['"access_token"', SEARCH, { fields: 'id', access_token: 'mine' }, {}],
  ])('names what is wrong at once: %s', (name, path, params, options) => {
    const { client } = calling([DONE]);
    const search = () => client.search(path, params as never, options);
    expect(search).toThrow(TypeError);
    expect(search).toThrow(name);
  });

  it('takes an answer without rows for none', async () => {
    const { client } = calling([DONE]);
    const error = await tokenErrorOf(collect(client.search(SEARCH, { fields: 'id' })));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', reason: 'malformed' });
    expect(shown(error)).not.toContain('A1');
  });
});

describe('a count', () => {
  it.each<[unknown, number]>([
    ['25', 25],
    [25, 25],
    ['0', 0],
  ])('%j is a number', async (count, expected) => {
    const { client } = calling([{ result: 'success', count }]);
    expect(await client.count(COUNT)).toBe(expected);
  });

  it.each([undefined, '', 'many', -1, 1.5, null])('%j is none', async (count) => {
    const { client } = calling([{ result: 'success', count }]);
    expect((await tokenErrorOf(client.count(COUNT))).code).toBe('ERR_TOKEN_TRANSPORT');
  });

  it('is asked for at its own path', async () => {
    await expect(calling([DONE]).client.count(SEARCH)).rejects.toThrow('"path" must end in "/count"');
  });
});
