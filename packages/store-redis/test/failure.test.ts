import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { storeError } from '../src/failure.js';

describe('errors of redisStore', () => {
  it('do not repeat what a server repeats of a command it does not know', () => {
    const refusal = new Error("ERR unknown command 'AUTH', with args beginning with: 's3cret' 'more' ");
    const error = storeError('open', Object.assign(refusal, { args: ['s3cret'] }));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_STORE', message: 'redisStore: open failed (ERR)' });
    expect((error.cause as Error).message).toBe("ERR unknown command 'AUTH'");
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('s3cret');
  });

  it.each([
    [Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    [new Error('OOM command not allowed when used memory > maxmemory'), 'OOM'],
    [new Error('Socket closed unexpectedly'), 'no connection'],
    ['nonsense', 'no connection'],
  ])('name what failed: %s', (cause, why) => {
    expect(storeError('a read', cause).message).toBe(`redisStore: a read failed (${why})`);
  });
});
