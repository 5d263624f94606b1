import type { X2jOptions, XMLParser } from 'fast-xml-parser';
import { checkName, emptyFields, type Fields, MAX_DEPTH, type PushMessage, type PushValue } from './push-message.js';

/** One node as the parser tells them in order: `{ name: children }`, `{ '#text': text }`, `{ '#cdata': [{ '#text': text }] }`. */
type Node = Readonly<Record<string, string | readonly Node[]>>;

const TEXT = '#text';
const CDATA = '#cdata';
const NAME = /^[\p{L}_][\p{L}\p{N}_.:-]*$/u;
const ENTITY = /&(?:#(\d{1,7})|#x([0-9A-Fa-f]{1,6})|([^\s&;<]{1,64}));/g;
/** The five that need no declaration. */
const PREDEFINED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

const OPTIONS: X2jOptions = {
  // Nodes in order, so that text and CDATA stay apart: in one `&amp;` is a character, in the other five.
  preserveOrder: true,
  textNodeName: TEXT,
  cdataPropName: CDATA,
  trimValues: false,
  parseTagValue: false,
  ignoreAttributes: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  processEntities: false,
  // Asked for a document's own entities only when there is a DOCTYPE, whatever is in it.
  entityDecoder: {
    addInputEntities: () => {
      throw new Error('a document type');
    },
    setExternalEntities: () => {},
    setXmlVersion: () => {},
    reset: () => {},
    decode: (text) => text,
  },
  maxNestedTags: MAX_DEPTH,
  jPath: false,
  onDangerousProperty: (name) => name,
};

/** Loaded with the first push: programs that take none do not pay for it. */
let loading: Promise<XmlReader> | undefined;

/** Reads the fields of an XML push; throws as `parsePushXml` rejects. */
export type XmlReader = (text: string) => PushMessage;

/** The reader, loaded once. */
export function xmlReader(): Promise<XmlReader> {
  loading ??= import('fast-xml-parser').then(({ XMLParser }) => {
    const parser = new XMLParser(OPTIONS);
    return (text) => fieldsIn(parser, text);
  });
  return loading;
}

/**
 * Reads the fields of `<xml>...</xml>`, whatever the outer element is called. CDATA and text, comments, instructions
 * and namespace prefixes (part of the name) are fine; attributes are ignored, and so is text beside elements. A name
 * that comes several times makes a list. Text is trimmed.
 *
 * @throws Error for what is not XML with one outer element, for a DOCTYPE, for entities that XML does not define
 * itself, for elements more than 16 deep, and for names such as `__proto__`.
 */
export async function parsePushXml(text: string): Promise<PushMessage> {
  const read = await xmlReader();
  return read(text);
}

function fieldsIn(parser: XMLParser, text: string): PushMessage {
  const [outer, another] = parser.parse(text) as readonly Node[];
  if (outer === undefined || another !== undefined) throw new Error('not one outer element');
  // The parser drops what stands beside it.
  const document = text.trim();
  if (!document.startsWith('<') || !document.endsWith('>')) throw new Error('text beside the outer element');
  const name = nameOf(outer);
  if (!NAME.test(name)) throw new Error('not a name');
  const content = contentOf(outer[name] as readonly Node[]);
  return typeof content === 'string' ? emptyFields() : content;
}

/** The text of an element, or its fields where it has any. */
function contentOf(children: readonly Node[]): string | Fields {
  let text = '';
  let fields: Fields | undefined;
  for (const node of children) {
    const name = nameOf(node);
    const content = node[name];
    if (typeof content === 'string') text += decoded(content);
    else if (name === CDATA) text += String(content?.[0]?.[TEXT] ?? '');
    else {
      fields ??= emptyFields();
      add(fields, name, contentOf(content ?? []));
    }
  }
  return fields ?? text.trim();
}

function add(fields: Fields, name: string, value: string | Fields): void {
  if (!NAME.test(name)) throw new Error('not a name');
  checkName(name);
  const before = fields[name];
  if (before === undefined) fields[name] = value;
  else if (Array.isArray(before)) (before as PushValue[]).push(value);
  else fields[name] = [before, value];
}

function decoded(text: string): string {
  return text.includes('&') ? text.replace(ENTITY, character) : text;
}

function character(_: string, decimal?: string, hex?: string, name?: string): string {
  if (name !== undefined) {
    const known = Object.hasOwn(PREDEFINED, name) ? PREDEFINED[name] : undefined;
    if (known === undefined) throw new Error('an entity that XML does not define');
    return known;
  }
  const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
  if (code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw new Error('no character');
  return String.fromCodePoint(code);
}

function nameOf(node: Node): string {
  for (const name in node) return name;
  throw new Error('an empty node');
}
