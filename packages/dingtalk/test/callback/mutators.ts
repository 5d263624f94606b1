import type { CallbackRequest } from '@evertoken/core';
import type { Dice } from './random.js';

/** A request on its way to be changed; query values of any shape, as frameworks make them. */
export interface Draft {
  method: string;
  query: Record<string, unknown>;
  headers: Record<string, string | undefined>;
  body: Buffer;
}

export function draftOf({ method, query, headers, body }: CallbackRequest): Draft {
  return { method, query: { ...query }, headers: { ...headers }, body: Buffer.from(body) };
}

/** Does some damage, anywhere. */
export function damage(draft: Draft, dice: Dice): void {
  dice.pick([damageValue, damageValue, damageShape, damageHeaders, damageBody, damageBody, damageBody])(draft, dice);
}

/** Changes only what no signature covers and no reader looks at. */
export function retouch(draft: Draft, dice: Dice): void {
  dice.pick([damageHeaders, addParameter, reorderQuery, rewriteEnvelope])(draft, dice);
}

function damageValue({ query }: Draft, dice: Dice): void {
  const name = dice.pick(Object.keys(query));
  const value = query[name];
  if (typeof value === 'string') query[name] = damagedText(value, dice);
}

function damageShape({ query }: Draft, dice: Dice): void {
  const names = Object.keys(query);
  const name = dice.pick(names);
  const value = query[name];
  if (typeof value !== 'string') {
    delete query[name];
    return;
  }
  switch (dice.below(8)) {
    case 0:
      delete query[name];
      break;
    case 1:
      query[name] = [value, value];
      break;
    case 2:
      query[name] = `${value},${value}`;
      break;
    case 3:
      delete query[name];
      query[dice.pick([name.toUpperCase(), `${name} `, `${name}[]`])] = value;
      break;
    case 4:
      query[name] = dice.pick([null, 0, Number(value), {}, [value], true, { toString: () => value }]);
      break;
    case 5: {
      const other = dice.pick(names);
      [query[name], query[other]] = [query[other], value];
      break;
    }
    case 6:
      // The names that are looked at first.
      query[dice.pick(['msg_signature', 'timeStamp'])] = dice.pick(['', '1', value]);
      break;
    default:
      query[name] = encodeURIComponent(`${value} `);
  }
}

function damageHeaders({ headers }: Draft, dice: Dice): void {
  const name = dice.pick(['content-type', 'content-length', 'user-agent', 'content-encoding', 'x-forwarded-for']);
  headers[name] = dice.pick([undefined, '', 'text/xml', 'application/json; charset=gbk', 'gzip', '0', '\u0000']);
}

function addParameter({ query }: Draft, dice: Dice): void {
  const name = dice.pick(['openid', 'Timestamp', 'msg_signature ', 'nonce[]', '__proto__', 'signature2', 'encrypt']);
  const value = dice.pick(['1', ['1', '2'], {}, '']);
  Object.defineProperty(query, name, { value, enumerable: true, configurable: true, writable: true });
}

function reorderQuery(draft: Draft): void {
  draft.query = Object.fromEntries(Object.entries(draft.query).reverse());
}

/** The same ciphertext in JSON that is written otherwise. */
function rewriteEnvelope(draft: Draft, dice: Dice): void {
  const { encrypt } = JSON.parse(draft.body.toString().trimStart()) as { readonly encrypt: string };
  const beside = dice.pick([{}, { timestamp: '1', nonce: 'x' }, { Encrypt: 'AAAA' }, { 中: [{ encrypt: 'AAAA' }] }]);
  const fields = dice.pick([
    { ...beside, encrypt },
    { encrypt, ...beside },
  ]);
  const text = JSON.stringify(fields, undefined, dice.pick(['', ' ', '\n', '\t']));
  draft.body = Buffer.from(dice.pick([text, ` ${text}\r\n`, `\ufeff${text}`, text.replaceAll('/', '\\u002f')]));
}

/** Bytes, and now and then what readers of JSON and base64 care for. */
function damageBody(draft: Draft, dice: Dice): void {
  const { body } = draft;
  if (body.length === 0) return;
  const at = dice.below(body.length);
  const length = 1 + dice.below(Math.min(64, body.length - at));
  const [before, part, after] = [body.subarray(0, at), body.subarray(at, at + length), body.subarray(at + length)];
  const inserted = (bytes: Buffer | string) => Buffer.concat([before, Buffer.from(bytes), part, after]);
  switch (dice.below(9)) {
    case 0:
      body.writeUInt8(body.readUInt8(at) ^ (1 << dice.below(8)), at);
      break;
    case 1:
      draft.body = Buffer.from(before);
      break;
    case 2:
      draft.body = inserted(dice.bytes(1 + dice.below(4)));
      break;
    case 3:
      draft.body = Buffer.concat([before, after]);
      break;
    case 4:
      draft.body = inserted(part);
      break;
    case 5: {
      const middle = dice.below(after.length + 1);
      draft.body = Buffer.concat([before, after.subarray(0, middle), part, after.subarray(middle)]);
      break;
    }
    case 6:
      body.writeUInt8((body.readUInt8(at) ^ 0x20) & 0xff, at);
      break;
    case 7:
      draft.body = inserted(dice.pick(MARKUP));
      break;
    default:
      draft.body = Buffer.concat([body, Buffer.from(dice.pick(MARKUP))]);
  }
}

/** Blanks, and what opens, closes, names or escapes. */
const MARKUP = [
  ...[' ', '\n', '\r\n', '\u00a0', '\ufeff', '\u0000', '=', '-', '_'],
  ...['"encrypt":"",', '"encrypt":["AAAA"],', '"__proto__":{"encrypt":"AAAA"},', '\\u0041', '\\n'],
  ...['{', '}', '[', ']', '"', ',', ':', 'null'],
];

function damagedText(text: string, dice: Dice): string {
  const at = dice.below(text.length + 1);
  switch (dice.below(8)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(at);
    case 2:
      return (
        text.slice(0, at) + dice.pick(['0', 'a', 'A', '=', '+', ' ', '\u0000', '中', '%20', '\n']) + text.slice(at)
      );
    case 3:
      return text.slice(0, at) + text.slice(at + 1);
    case 4:
      return text.toUpperCase();
    case 5:
      return text.slice(at) + text.slice(0, at);
    case 6:
      return dice.pick([` ${text}`, `${text} `, `${text}\n`, `\ufeff${text}`, `${text}${text}`]);
    default: {
      const code = text.charCodeAt(at) || 48;
      return text.slice(0, at) + String.fromCharCode(code ^ (1 << dice.below(7))) + text.slice(at + 1);
    }
  }
}
