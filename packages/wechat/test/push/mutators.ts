import type { CallbackRequest } from '@evertoken/core';
import type { Dice } from './random.js';
import type { Specimen } from './specimens.js';

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
  dice.pick([damageQueryValue, damageQueryValue, damageQueryShape, damageHeaders, damageBody, damageBody, damageBody])(
    draft,
    dice,
  );
}

/** Changes only what no signature covers and no reader looks at. */
export function retouch(draft: Draft, specimen: Specimen, dice: Dice): void {
  const changes = [damageHeaders, addParameter, reorderQuery];
  if (specimen.encrypt !== undefined) changes.push(specimen.json ? blankJson : blankXml);
  if (specimen.beside.length > 0) changes.push((...[on]) => rewriteBeside(on, specimen, dice));
  dice.pick(changes)(draft, dice);
}

function damageQueryValue({ query }: Draft, dice: Dice): void {
  const name = dice.pick(Object.keys(query));
  const value = query[name];
  if (typeof value === 'string') query[name] = damageText(value, dice);
}

function damageQueryShape({ query }: Draft, dice: Dice): void {
  const names = Object.keys(query);
  const name = dice.pick(names);
  const value = query[name];
  switch (dice.below(7)) {
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
      query[name.toUpperCase()] = value;
      break;
    case 4:
      query[name] = dice.pick([null, 0, Number(value), {}, [value], true, { toString: () => value }]);
      break;
    case 5: {
      const other = dice.pick(names);
      [query[name], query[other]] = [query[other], value];
      break;
    }
    default:
      query[name] = encodeURIComponent(`${value} `);
  }
}

function damageHeaders({ headers }: Draft, dice: Dice): void {
  const name = dice.pick(['content-type', 'content-length', 'user-agent', 'content-encoding', 'x-forwarded-for']);
  headers[name] = dice.pick([undefined, '', 'application/json', 'text/xml; charset=gbk', 'gzip', '0', '\u0000']);
}

function addParameter({ query }: Draft, dice: Dice): void {
  const name = dice.pick(['openid', 'Timestamp', 'msg_signature ', 'nonce[]', '__proto__', 'signature2']);
  Object.defineProperty(query, name, {
    value: dice.pick(['1', ['1', '2'], {}, '']),
    enumerable: true,
    configurable: true,
  });
}

function reorderQuery(draft: Draft): void {
  draft.query = Object.fromEntries(Object.entries(draft.query).reverse());
}

/** Bytes, and now and then the markup that readers of XML and JSON care for. */
function damageBody(draft: Draft, dice: Dice): void {
  const { body } = draft;
  if (body.length === 0) return;
  const at = dice.below(body.length);
  const length = 1 + dice.below(Math.min(64, body.length - at));
  const [before, part, after] = [body.subarray(0, at), body.subarray(at, at + length), body.subarray(at + length)];
  switch (dice.below(10)) {
    case 0:
      body.writeUInt8(body.readUInt8(at) ^ (1 << dice.below(8)), at);
      break;
    case 1:
      draft.body = Buffer.from(before);
      break;
    case 2:
      draft.body = Buffer.concat([before, dice.bytes(1 + dice.below(4)), part, after]);
      break;
    case 3:
      draft.body = Buffer.concat([before, after]);
      break;
    case 4:
      draft.body = Buffer.concat([before, part, part, after]);
      break;
    case 5: {
      const middle = dice.below(after.length + 1);
      draft.body = Buffer.concat([before, after.subarray(0, middle), part, after.subarray(middle)]);
      break;
    }
    case 6: {
      const letter = String.fromCharCode(body.readUInt8(at));
      const other = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
      if (other.length === 1) body.writeUInt8(other.charCodeAt(0) & 0xff, at);
      break;
    }
    case 7:
      draft.body = Buffer.concat([
        before,
        Buffer.from(dice.pick([' ', '\n', '\t', '\r\n', '\u00a0', '\ufeff'])),
        part,
        after,
      ]);
      break;
    case 8:
      draft.body = Buffer.concat([before, Buffer.from(dice.pick(MARKUP)), part, after]);
      break;
    default:
      draft.body = Buffer.concat([body, Buffer.from(dice.pick(MARKUP))]);
  }
}

/** What opens, closes, declares or refers. None of it leaves a ciphertext what it was. */
const MARKUP = [
  '<!DOCTYPE xml [<!ENTITY a "b">]>',
  '<Encrypt>',
  '</Encrypt>',
  '<Encrypt/>',
  '</xml>',
  '<xml>',
  ']]>',
  '&a;',
  '&#65;',
  '<__proto__>',
  '"Encrypt":"",',
  '"__proto__":{"a":1},',
  '\\u0041',
  '{',
  '}',
  '[',
  '"',
  ',',
  '\u0000',
];

function blankXml(draft: Draft, dice: Dice): void {
  const text = draft.body.toString();
  const blank = dice.pick([' ', '\n', '\t  ', '\r\n', '<!-- besides -->']);
  draft.body = Buffer.from(dice.pick([text.replaceAll('><', `>${blank}<`), text.replace('</xml>', `${blank}</xml>`)]));
}

function blankJson(draft: Draft, dice: Dice): void {
  const value: unknown = JSON.parse(draft.body.toString());
  const fields = Object.entries(value as object);
  const ordered = Object.fromEntries(dice.below(2) === 0 ? fields : fields.reverse());
  draft.body = Buffer.from(JSON.stringify(ordered, undefined, dice.pick(['', ' ', '\n', '\t'])));
}

function rewriteBeside(draft: Draft, { beside }: Specimen, dice: Dice): void {
  const text = draft.body.toString();
  draft.body = Buffer.from(
    text.replace(dice.pick(beside), dice.pick(['', '0', '中文 ', 'wx'.repeat(200), '-1.5', '.'])),
  );
}

function damageText(text: string, dice: Dice): string {
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
