/** What the console has under "message push": the two values that a push is signed and encrypted with. */
export interface PushKeys {
  /** Token: signs. */
  readonly token: string;
  /** EncodingAESKey: 43 letters and digits. */
  readonly encodingAESKey: string;
}

/** `+` and `/` are base64 too; the console makes letters and digits. */
const ENCODING_AES_KEY = /^[A-Za-z0-9+/]{43}$/;
const TOKEN = /^[\x21-\x7e]{1,128}$/;

/**
 * The 32 bytes of an EncodingAESKey. Read leniently: its last character may carry two bits that belong to no byte, and half
 * of the real keys have them set; a strict decoder refuses those.
 *
 * @throws TypeError where it is no EncodingAESKey; the message does not show it.
 */
export function aesKeyOf(encodingAESKey: string): Buffer {
  if (!isEncodingAESKey(encodingAESKey)) throw new TypeError(problemWith('encodingAESKey', encodingAESKey));
  return Buffer.from(encodingAESKey, 'base64');
}

/**
 * What is wrong with configured keys, as sentences for an account's `problems()`: each begins with the quoted option,
 * none shows a value. `option` is how the configuration calls them, as in `openPlatform({ push })`; several keys are
 * numbered.
 */
export function pushKeyProblems(keys: PushKeys | readonly PushKeys[] | undefined, option: string): string[] {
  if (Array.isArray(keys)) {
    if (keys.length === 0) return [`"${option}" must have at least one pair of "token" and "encodingAESKey"`];
    return keys.flatMap((each, at) => problemsOf(each, `${option}[${at}]`));
  }
  return problemsOf(keys, option);
}

function problemsOf(keys: unknown, option: string): string[] {
  if (typeof keys !== 'object' || keys === null || Array.isArray(keys)) {
    return [`"${option}" must be an object with "token" and "encodingAESKey", got ${nameOf(keys)}`];
  }
  const { token, encodingAESKey, ...others } = keys as Record<string, unknown>;
  const problems: string[] = [];
  if (typeof token !== 'string' || !TOKEN.test(token)) {
    problems.push(`"${option}.token" must be 1 to 128 visible ASCII characters, got ${nameOf(token)}`);
  }
  if (!isEncodingAESKey(encodingAESKey)) problems.push(problemWith(`${option}.encodingAESKey`, encodingAESKey));
  for (const name of Object.keys(others)) {
    problems.push(`"${option}.${name}" is no option; expected "token", "encodingAESKey"`);
  }
  return problems;
}

function isEncodingAESKey(value: unknown): value is string {
  return typeof value === 'string' && ENCODING_AES_KEY.test(value);
}

function problemWith(option: string, value: unknown): string {
  return `"${option}" must be the 43 characters of the console's EncodingAESKey (A-Z, a-z, 0-9), got ${nameOf(value)}`;
}

/** Says what came without saying it. */
function nameOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value !== 'string') return Array.isArray(value) ? 'a list' : typeof value;
  if (value.length !== 43) return value === '' ? 'an empty text' : `${value.length} characters`;
  return 'other characters';
}
