import { describe, expect, it } from 'vitest';
import { TokenManager } from '../../src/index.js';
import { fixedTokens, ManualClock } from '../../src/testing/index.js';
import { ModelPlatform, modelAccount } from '../model-platform.js';

const { token } = modelAccount(new ModelPlatform(new ManualClock()));
const other = modelAccount(new ModelPlatform(new ManualClock()), { id: 'other' }).token;

describe('fixedTokens', () => {
  it('is a whole manager: what injects one by class gets one', async () => {
    const tokens = fixedTokens([[token, 'T1']]);
    expect(tokens).toBeInstanceOf(TokenManager);
    await tokens.start();
    expect((await tokens.refreshDue()).results).toEqual([]);
    expect((await tokens.refreshAll()).results).toEqual([]);
    expect(tokens.refreshEvery(1)).toBeTypeOf('function');
    expect(tokens.on('issue', () => {})).toBeTypeOf('function');
    tokens.add(modelAccount(new ModelPlatform(new ManualClock(), 'rotating')));
    for await (const status of tokens.inspect()) throw new Error(status.key);
    await tokens.drain();
    await tokens.close();
  });

  it('overrides every method of the manager that would reach a store or a platform', () => {
    const own = Object.getOwnPropertyNames(Object.getPrototypeOf(fixedTokens([])));
    const pure = ['constructor', 'on', 'accounts', 'remove', 'optionsOf'];
    expect(
      Object.getOwnPropertyNames(TokenManager.prototype).filter((name) => !own.includes(name) && !pure.includes(name)),
    ).toEqual([]);
  });

  it('answers with the given values and names a source it was given none for', async () => {
    const tokens = fixedTokens([[token, 'T1']]);
    expect((await tokens.get(token)).value).toBe('T1');
    expect(tokens.peek(token)?.value).toBe('T1');
    await expect(tokens.get(other)).rejects.toThrow(/fixedTokens was given no value for it/);
    expect(tokens.peek(other)).toBeUndefined();
  });

  it('records rejections, goes on to the next value, and then says that there is none', async () => {
    const tokens = fixedTokens([[token, ['T1', 'T2']]]);
    expect((await tokens.reject(token, 'T1')).value).toBe('T2');
    expect((await tokens.reject(token, 'T1')).value).toBe('T2');
    await expect(tokens.reject(token, await tokens.get(token))).rejects.toMatchObject({
      code: 'ERR_TOKEN_REJECTED_AGAIN',
    });
    expect(tokens.rejections.map(({ value }) => value)).toEqual(['T1', 'T1', 'T2']);
  });

  it('takes what is adopted, authorized, revoked and forgotten', async () => {
    const tokens = fixedTokens([]);
    await tokens.adopt(token, { value: 'A' }, { order: 1 });
    expect((await tokens.get(token)).value).toBe('A');
    expect((await tokens.authorize(token, async () => ({ value: 'B' }))).value).toBe('B');
    expect(tokens.adoptions.map(({ value }) => value)).toEqual(['A', 'B']);
    await tokens.forget(token);
    expect(tokens.peek(token)).toBeUndefined();
  });
});
