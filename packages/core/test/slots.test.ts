import { describe, expect, it } from 'vitest';
import type { AccountKey } from '../src/key.js';
import { Slots } from '../src/slots.js';

const key = (name: string) => name as AccountKey;

/** Slots, with what each account has to do; `held` names the accounts whose requests are under way. */
function slotsOf(size: number, work: Record<string, number>) {
  const held: string[] = [];
  const over: Record<string, (() => void)[]> = {};
  const slots = new Slots(size, () => Object.entries(work).map(([name, keys]) => [key(name), keys] as const));
  const ask = (name: string) =>
    slots.take(key(name)).then((end) => {
      held.push(name);
      over[name] = [...(over[name] ?? []), end];
    });
  const end = (name: string) => {
    held.splice(held.indexOf(name), 1);
    if (work[name] !== undefined) work[name]--;
    over[name]?.shift()?.();
  };
  return { slots, held, ask, end };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('slots', () => {
  it('are as many as there are, first come first served within an account', async () => {
    const { held, ask, end } = slotsOf(2, { a: 5 });
    for (let i = 0; i < 5; i++) void ask('a');
    await turn();
    expect(held).toEqual(['a', 'a']);
    end('a');
    await turn();
    expect(held).toEqual(['a', 'a']);
  });

  it('are kept for an account that has fewer of them and work to do, however long the others wait', async () => {
    const { held, ask } = slotsOf(2, { hangs: 9, healthy: 9 });
    void ask('hangs');
    void ask('hangs');
    await turn();
    expect(held).toEqual(['hangs']);
    void ask('healthy');
    await turn();
    expect(held).toEqual(['hangs', 'healthy']);
  });

  it('go to those who wait once nobody else has work', async () => {
    const work: Record<string, number> = { hangs: 9, healthy: 1 };
    const { slots, held, ask, end } = slotsOf(2, work);
    void ask('hangs');
    void ask('hangs');
    void ask('healthy');
    await turn();
    expect(held).toEqual(['hangs', 'healthy']);
    end('healthy');
    await turn();
    expect(held).toEqual(['hangs', 'hangs']);
    work['later'] = 1;
    slots.pump();
    expect(held).toEqual(['hangs', 'hangs']);
  });

  it('never stand still, with more accounts than slots', async () => {
    const { held, ask, end } = slotsOf(1, { a: 2, b: 2, c: 2 });
    const order: string[] = [];
    for (const name of ['a', 'a', 'b', 'b', 'c', 'c']) void ask(name);
    for (let i = 0; i < 6; i++) {
      await turn();
      const [name] = held;
      order.push(name as string);
      end(name as string);
    }
    expect([...order].sort()).toEqual(['a', 'a', 'b', 'b', 'c', 'c']);
  });

  it('are given back once, however often that is said', async () => {
    const slots = new Slots(1, () => []);
    const end = await slots.take(key('a'));
    end();
    end();
    await slots.take(key('a'));
    let third = false;
    void slots.take(key('a')).then(() => {
      third = true;
    });
    await turn();
    expect(third).toBe(false);
  });
});
