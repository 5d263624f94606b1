import { KINDS, type Kind } from './cast.js';
import { simulate } from './simulation.js';

/** `main.mjs <kind> <first seed> <how many>`, or `main.mjs <kind> <seed> show`: one line of JSON, or the history. */
const [kind = '', first = '1', count = '1'] = process.argv.slice(2);
if (!KINDS.includes(kind as Kind)) throw new Error(`one of ${KINDS.join(', ')} expected, got "${kind}"`);

process.on('warning', () => {});
if (count === 'show') {
  const { history = [], violations } = await simulate(kind as Kind, Number(first), { logged: true });
  for (const line of history) console.log(line);
  for (const { rule, why } of violations) console.log(`${rule} is broken: ${why}`);
} else {
  const bad: object[] = [];
  const sum = { histories: 0, steps: 0, calls: 0, faults: 0 };
  const startedAt = performance.now();
  for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
    const { violations, steps, calls, faults } = await simulate(kind as Kind, seed);
    sum.histories++;
    sum.steps += steps;
    sum.calls += calls;
    sum.faults += faults;
    if (violations.length > 0) bad.push({ kind, seed, ...violations[0] });
  }
  console.log(
    JSON.stringify({ kind, first: Number(first), ...sum, ms: Math.round(performance.now() - startedAt), bad }),
  );
}
