/** Arguments, a configuration or an input that cannot be worked with: says which, what was expected, and shows no value. */
export class UsageError extends Error {
  /** The class's name. */
  override readonly name = 'UsageError';
}

/** Names in quotes, for messages. */
export function quoted(names: Iterable<string>): string {
  return [...names].map((name) => `"${name}"`).join(', ');
}
