// The matchers of the contract suite, for a runner that brings none.
import assert from 'node:assert/strict';

export function expect(actual) {
  return {
    toBe: (expected) => assert.ok(Object.is(actual, expected), message(actual, 'is not', expected)),
    toEqual: (expected) => assert.deepEqual(present(actual), present(expected)),
    toMatchObject: (expected) => assert.ok(matches(actual, expected), message(actual, 'does not match', expected)),
    toBeUndefined: () => assert.equal(actual, undefined),
    toBeGreaterThan: (expected) => assert.ok(actual > expected, message(actual, 'is not above', expected)),
    toBeGreaterThanOrEqual: (expected) => assert.ok(actual >= expected, message(actual, 'is below', expected)),
  };
}

function matches(actual, expected) {
  if (typeof expected !== 'object' || expected === null) return Object.is(actual, expected);
  if (typeof actual !== 'object' || actual === null) return false;
  if (Array.isArray(expected) && !(Array.isArray(actual) && actual.length === expected.length)) return false;
  return Object.entries(expected).every(([name, value]) => matches(actual[name], value));
}

/** A property that is undefined counts as absent. */
function present(value) {
  if (Array.isArray(value)) return value.map(present);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(kept.map(([name, inner]) => [name, present(inner)]));
}

function message(actual, relation, expected) {
  return `${JSON.stringify(actual)} ${relation} ${JSON.stringify(expected)}`;
}
