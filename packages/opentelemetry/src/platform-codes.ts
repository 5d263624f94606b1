import { publicId } from '@evertoken/core';

/** What stands for a code that is not shown: OpenTelemetry's word for it. */
const OTHER = '_OTHER';
/** 50: more codes than token endpoints of any platform document; each is a time series for every kind of the account. */
const MOST_CODES = 50;
/** Longer than any code that is known. */
const LONGEST = 80;

/** A platform's code as an attribute: one of the first 50 of its account, and of the shape of a code, else `_OTHER`. */
export function boundedCode(codes: Map<string, Set<string>>, account: string, code: string): string {
  const shown = publicId(code, LONGEST);
  if (shown === undefined) return OTHER;
  const known = codes.get(account) ?? new Set();
  codes.set(account, known);
  if (!known.has(shown)) {
    if (known.size >= MOST_CODES) return OTHER;
    known.add(shown);
  }
  return shown;
}
