/** What the console has under "event subscription": the two values that a push is signed and encrypted with. */
export interface CallbackKeys {
  /** The console's Token (签名 token): signs. */
  readonly token: string;
  /** The console's EncodingAESKey (加密 aes_key): 43 letters and digits. */
  readonly encodingAESKey: string;
}

const ENCODING_AES_KEY = /^[A-Za-z0-9]{43}$/;
const TOKEN = /^[\x21-\x7e]{1,128}$/;

/**
 * The 32 bytes of an EncodingAESKey. Read leniently: its last character may carry two bits that belong to no byte, and most real
 * keys have one of them set; a strict decoder refuses those.
 *
 * @throws TypeError where it is no EncodingAESKey; the message does not show it.
 */
export function aesKeyOf(encodingAESKey: string): Buffer {
  if (!isEncodingAESKey(encodingAESKey)) throw new TypeError(problemWith('encodingAESKey', encodingAESKey));
  return Buffer.from(encodingAESKey, 'base64');
}

/**
 * What is wrong with configured keys, as sentences for an account's `problems()`: each begins with the quoted option, none shows
 * a value. Several keys are numbered.
 *
 * @param option how the configuration calls them: `push`, say
 */
export function callbackKeyProblems(keys: unknown, option: string): string[] {
  if (!Array.isArray(keys)) return problemsOf(keys, option);
  if (keys.length === 0) return [`"${option}" must have at least one pair of "token" and "encodingAESKey"`];
  return keys.flatMap((each: unknown, at) => problemsOf(each, `${option}[${at}]`));
}

function problemsOf(keys: unknown, option: string): string[] {
  if (typeof keys !== 'object' || keys === null || Array.isArray(keys)) {
    return [`"${option}" must be an object with "token" and "encodingAESKey", got ${nameOf(keys)}`];
  }
  const { token, encodingAESKey, ...others } = keys as Record<string, unknown>;
  const problems: string[] = [];
  if (typeof token !== 'string' || !TOKEN.test(token)) {
    problems.push(`"${option}.token" must be the console's token, without blanks, got ${nameOf(token)}`);
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
  return `"${option}" must be the 43 letters and digits of the console's EncodingAESKey, got ${nameOf(value)}`;
}

/** Says what came without saying it. */
function nameOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value !== 'string') return Array.isArray(value) ? 'a list' : typeof value;
  if (value === '') return 'an empty text';
  return value.length === 43 ? 'other characters' : `${value.length} characters`;
}
