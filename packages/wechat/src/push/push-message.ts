/**
 * A field of a push: its text without blanks around it, the fields below it, or a list where a name came several times.
 * Numbers stay text: ids and tickets have more digits than a JavaScript number holds.
 */
export type PushValue = string | PushMessage | readonly PushValue[];

/** The decoded content of a push, or what to reply: fields by the platform's own names. Received ones have no prototype. */
export interface PushMessage {
  readonly [field: string]: PushValue;
}

/** How a push came, and how its reply goes back. */
export type PushFormat = 'xml' | 'json';

/** How deep fields may lie below one another. The platforms' own pushes need 4. */
export const MAX_DEPTH = 16;

/** Names that mean something else to careless code behind us. No platform uses them. */
const DANGEROUS: readonly string[] = ['__proto__', 'constructor', 'prototype'];

/** Fields under construction. Without a prototype, so that no name finds anything but what was sent. */
export type Fields = Record<string, PushValue>;

export function emptyFields(): Fields {
  return Object.create(null) as Fields;
}

/** Refuses names that could reach a prototype. */
export function checkName(name: string): void {
  if (DANGEROUS.includes(name)) throw new Error('a field name that no push has');
}

/** The text of a field; undefined where it is missing, or has fields of its own, or came several times. */
export function textOf(message: PushMessage, field: string): string | undefined {
  // A message that was not read here may have a prototype.
  const value = Object.hasOwn(message, field) ? message[field] : undefined;
  return typeof value === 'string' ? value : undefined;
}
