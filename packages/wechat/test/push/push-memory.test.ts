import { describe, expect, it } from 'vitest';
import { openPush, PushMemory } from '../../src/push.js';
import { messageIn, NOON, pushOf, SETTINGS } from './pushes.js';

const MINUTE = 60_000;

describe('PushMemory', () => {
  it('tells a repetition from another push', async () => {
    const memory = new PushMemory({ now: () => NOON });
    const request = pushOf();
    expect(memory.seen(messageIn(await openPush(request, SETTINGS)))).toBe(false);
    expect(memory.seen(messageIn(await openPush(request, SETTINGS)))).toBe(true);
    expect(memory.seen(messageIn(await openPush(pushOf({ nonce: '2' }), SETTINGS)))).toBe(false);
  });

  it('does work again that failed', () => {
    const memory = new PushMemory({ now: () => NOON });
    expect(memory.seen({ id: 'a' })).toBe(false);
    memory.forget({ id: 'a' });
    expect(memory.seen({ id: 'a' })).toBe(false);
    expect(memory.seen({ id: 'a' })).toBe(true);
  });

  it('remembers for 20 minutes: as long as a replay window can let the same push in', () => {
    let now = NOON;
    const memory = new PushMemory({ now: () => now });
    memory.seen({ id: 'a' });
    now += 20 * MINUTE - 1;
    expect(memory.seen({ id: 'a' })).toBe(true);
    now += 1;
    expect(memory.seen({ id: 'a' })).toBe(false);
  });

  it('lets go of what is too old, and of the oldest where it is full', () => {
    let now = NOON;
    const memory = new PushMemory({ now: () => now, maxEntries: 3, maxAgeMs: MINUTE });
    for (const id of ['a', 'b', 'c', 'd']) memory.seen({ id });
    expect(memory.size).toBe(3);
    expect(memory.seen({ id: 'b' })).toBe(true);
    expect(memory.seen({ id: 'a' })).toBe(false);
    now += MINUTE;
    memory.seen({ id: 'e' });
    expect(memory.size).toBe(1);
  });

  it('refuses sizes that remember nothing', () => {
    const now = () => NOON;
    expect(() => new PushMemory({ now, maxEntries: 0 })).toThrow('"maxEntries" must be at least 1, got 0');
    expect(() => new PushMemory({ now, maxAgeMs: 0 })).toThrow('"maxAgeMs" must be above 0, got 0');
    expect(() => new PushMemory({ now, maxEntries: Number.NaN })).toThrow('"maxEntries"');
  });
});
