/** All that can be seen of a value by any logger: as text, as JSON, inspected to the ground, and every property of it. */
export function everythingOf(value: unknown): string;
