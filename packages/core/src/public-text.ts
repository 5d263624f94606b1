/** What stands for a secret that was cut out. */
const REDACTED = '<redacted>';
/** As many characters of a secret in a row are no accident. */
const TELLTALE = 8;
/** Longest part of a code or id that may mix letters and digits: more than in any that is known, less than in any token. */
const LONGEST_PART = 20;

/**
 * Text of a platform as it may stand in an error: on one line, at most 200 characters, with none of `secrets` in it. A secret
 * that stands there raw or percent-encoded is cut out; where a piece of one remains, nothing of the text is shown.
 */
export function publicText(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) {
    if (secret === '') continue;
    clean = clean.replaceAll(secret, REDACTED).replaceAll(encodeURIComponent(secret.toWellFormed()), REDACTED);
  }
  if (secrets.some((secret) => hasPieceOf(secret, clean))) return REDACTED;
  return clean
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, 200)
    .toWellFormed();
}

/**
 * A platform's code or request id as it may stand in an error: a number, or words and short parts between `.`, `:` and `-`, at
 * most `longest` characters in all. Undefined for anything else: free text, and what has the shape of a token.
 */
export function publicId(value: unknown, longest = 100): string | undefined {
  if (typeof value === 'number') return String(value);
  const text = typeof value === 'string' ? value.trim() : '';
  if (text === '' || text.length > longest || !/^[\w.:-]+$/.test(text)) return undefined;
  return text.split(/[.:-]/).every((part) => part.length <= LONGEST_PART || /^[A-Za-z_]+$/.test(part))
    ? text
    : undefined;
}

/** Cut short, or encoded once more than we know of: letters and digits stay as they are. */
function hasPieceOf(secret: string, text: string): boolean {
  for (let at = 0; at + TELLTALE <= secret.length; at++) {
    if (text.includes(secret.slice(at, at + TELLTALE))) return true;
  }
  return false;
}
