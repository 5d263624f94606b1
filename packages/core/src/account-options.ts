/**
 * The problems of an account's options, for `Account.problems()`: missing or empty required strings, and unknown names.
 * Each begins with the quoted option; none shows a value.
 */
export function optionProblems(
  options: object,
  { required, optional }: { readonly required: readonly string[]; readonly optional: readonly string[] },
): string[] {
  const values = options as Readonly<Record<string, unknown>>;
  const problems: string[] = [];
  for (const name of required) {
    const value = values[name];
    if (typeof value !== 'string' || value.trim() === '') {
      const got =
        value === undefined
          ? 'it is missing'
          : value === ''
            ? 'it is empty'
            : `got ${typeof value === 'string' ? 'blanks' : typeof value}`;
      problems.push(`"${name}" must be a non-empty string, ${got}`);
    }
  }
  for (const name of Object.keys(values)) {
    if (!required.includes(name) && !optional.includes(name)) {
      problems.push(`"${name}" is no option; expected ${[...required, ...optional].map((o) => `"${o}"`).join(', ')}`);
    }
  }
  return problems;
}

/** Options every account takes. */
export const ACCOUNT_OPTIONS = Object.freeze(['refresh', 'fetch'] as const);
