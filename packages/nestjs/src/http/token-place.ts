import { configurationError, unknownOption, wrongOption } from '../token.messages.js';

/** Where the platform expects the token: in a header, or in the query of the address. */
export type TokenPlace =
  | {
      /** The header's name. */
      readonly header: string;
      /** What stands before the token. Default `Bearer` in `Authorization`, nothing in any other header. */
      readonly scheme?: string;
    }
  | {
      /** The parameter's name. What the address itself has under it is replaced. */
      readonly query: string;
    };

/** A place, checked, with the scheme filled in. */
export type PlaceSettings =
  | { readonly header: string; readonly query?: undefined; readonly prefix: string }
  | { readonly query: string; readonly header?: undefined };

/** RFC 9110 §5.6.2: what a header's name and an authentication scheme are made of. */
const WORD = /^[!#$%&'*+.^_`|~\w-]+$/;

/** Checks a place; `path` is what it is called in messages. */
export function readPlace(path: string, place: unknown = { header: 'Authorization' }): PlaceSettings {
  const expected = "{ header: 'Authorization' }, { header: 'x-access-token' } or { query: 'access_token' }";
  if (typeof place !== 'object' || place === null) throw configurationError(wrongOption(path, expected));
  const { header, scheme, query, ...rest } = place as Readonly<Record<string, unknown>>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) {
    throw configurationError(unknownOption(`${path}.${unknown}`, `"${path}"`, ['header', 'scheme', 'query']));
  }
  if ((header === undefined) === (query === undefined)) throw configurationError(wrongOption(path, expected));
  if (header === undefined) {
    if (scheme !== undefined) throw configurationError(wrongOption(`${path}.scheme`, 'left out beside "query"'));
    if (typeof query !== 'string' || query === '') {
      throw configurationError(wrongOption(`${path}.query`, "a parameter's name, such as 'access_token'"));
    }
    return { query };
  }
  if (typeof header !== 'string' || !WORD.test(header)) {
    throw configurationError(wrongOption(`${path}.header`, "a header's name, such as 'Authorization'"));
  }
  if (scheme !== undefined && (typeof scheme !== 'string' || !WORD.test(scheme))) {
    throw configurationError(wrongOption(`${path}.scheme`, "one word, such as 'Bearer'"));
  }
  const word = scheme ?? (header.toLowerCase() === 'authorization' ? 'Bearer' : undefined);
  return { header, prefix: word === undefined ? '' : `${word} ` };
}
