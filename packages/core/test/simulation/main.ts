import { KINDS, type Kind } from './cast.js';
import { explore } from './exploration.js';
import { type Outcome, simulate } from './simulation.js';

/** Histories played at the same time; they know nothing of each other. */
const SIDE_BY_SIDE = 16;

/**
 * A program, so that it can be run beside its like and with bugs planted in the code it is made of:
 *
 * - `main.mjs play <kind> <first seed> <histories> [rule]` plays histories and prints one line of JSON; with a rule it stops at the first that breaks it.
 * - `main.mjs show <kind> <seed>` prints one history.
 * - `main.mjs explore <kind> <faults> [show <path>]` takes every way two processes can take, with so many faults at most.
 */
const [mode = '', kind = '', ...rest] = process.argv.slice(2);
if (!KINDS.includes(kind as Kind)) throw new Error(`one of ${KINDS.join(', ')} expected, got "${kind}"`);

process.removeAllListeners('warning');
// Histories are full of errors that nobody reads.
Error.stackTraceLimit = 0;
const startedAt = performance.now();
if (mode === 'show') show(await simulate(kind as Kind, Number(rest[0]), { logged: true }));
else if (mode === 'play') print(await play(kind as Kind, Number(rest[0]), Number(rest[1]), rest[2]));
else if (rest[1] === 'show')
  show(await explore(kind as Kind, Number(rest[0]), JSON.parse(rest[2] ?? '[]') as number[]));
else print(await explore(kind as Kind, Number(rest[0])));

async function play(of: Kind, first: number, count: number, rule: string | undefined): Promise<object> {
  const bad: object[] = [];
  const sum = { histories: 0, steps: 0, calls: 0, faults: 0 };
  let next = first;
  const player = async () => {
    while (next < first + count) {
      const seed = next++;
      const { violations, steps, calls, faults } = await simulate(of, seed);
      sum.histories++;
      sum.steps += steps;
      sum.calls += calls;
      sum.faults += faults;
      const [violation] = rule === undefined ? violations : violations.filter((broken) => broken.rule === rule);
      if (violation) bad.push({ kind: of, seed, ...violation });
      if (violation && rule !== undefined) next = first + count;
    }
  };
  // Each history waits for a turn of the event loop after each of its steps; a turn serves several as well as one.
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, player));
  return { kind: of, first, ...sum, bad: bad.slice(0, rule === undefined ? undefined : 1) };
}

function show({ history = [], violations }: Pick<Outcome, 'history' | 'violations'>): void {
  for (const line of history) console.log(line);
  for (const { rule, why } of violations) console.log(`${rule} is broken: ${why}`);
}

function print(result: object): void {
  const { history: _, ...numbers } = result as { history?: unknown };
  console.log(JSON.stringify({ ...numbers, ms: Math.round(performance.now() - startedAt) }));
}
