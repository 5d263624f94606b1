/** A field of a pushed message: numbers are written bare, texts as CDATA, lists as repeated elements. */
export type PushField = string | number | PushFields | readonly PushField[];

/** A pushed message. Fields that are undefined are left out. */
export interface PushFields {
  readonly [name: string]: PushField | undefined;
}

/** The message as the platforms write it in XML. */
export function xmlMessage(fields: PushFields): string {
  return `<xml>${elements(fields)}</xml>`;
}

/** The text of one element of a reply, CDATA or not; undefined where there is none. For the flat replies of a callback. */
export function xmlText(xml: string, name: string): string | undefined {
  const match = new RegExp(`<${name}>\\s*(?:<!\\[CDATA\\[([\\s\\S]*?)\\]\\]>|([^<]*))\\s*</${name}>`).exec(xml);
  return match?.[1] ?? match?.[2]?.trim();
}

function elements(fields: PushFields): string {
  return Object.entries(fields)
    .map(([name, value]) => (value === undefined ? '' : element(name, value)))
    .join('\n');
}

function element(name: string, value: PushField): string {
  if (isList(value)) return value.map((each) => element(name, each)).join('\n');
  return `<${name}>${content(value)}</${name}>`;
}

function content(value: string | number | PushFields): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return `<![CDATA[${value.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;
  return `\n${elements(value)}\n`;
}

function isList(value: PushField): value is readonly PushField[] {
  return Array.isArray(value);
}
