/** Checks of options and of control requests. Every message begins with the quoted name and holds no value. */

export function assertRecord(name: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`"${name}" must be an object`);
  }
  return value as Record<string, unknown>;
}

export function assertKnownKeys(name: string, value: object, known: readonly string[]): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new TypeError(`"${unknown}" is not a member of ${name}: use ${known.join(', ')}`);
}

export function assertText(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new TypeError(`"${name}" must be a non-empty string`);
  return value;
}

export function assertCount(name: string, value: unknown, min: number, max = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    const upper = max === Number.MAX_SAFE_INTEGER ? '' : ` and at most ${max}`;
    throw new TypeError(`"${name}" must be an integer of at least ${min}${upper}`);
  }
  return value;
}

export function assertOneOf<T>(name: string, value: unknown, allowed: readonly T[]): T {
  if (!allowed.includes(value as T)) throw new TypeError(`"${name}" must be one of ${allowed.join(', ')}`);
  return value as T;
}

export function assertBoolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new TypeError(`"${name}" must be a boolean`);
  return value;
}

export function assertUnique(name: string, values: readonly string[]): void {
  if (new Set(values).size !== values.length) throw new TypeError(`"${name}" must be different for every account`);
}
