/** One part of a multipart form. */
export interface FormPart {
  readonly name: string;
  readonly fileName?: string;
  readonly contentType: string;
  readonly content: Buffer;
}

/** The parts of a multipart body; none if it is not one. */
export function formParts(contentType: string | undefined, body: Buffer): FormPart[] {
  const match = /^multipart\/form-data;.*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType ?? '');
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined) return [];
  // The first delimiter has no line before it: one is put there, so that all look alike.
  const bytes = Buffer.concat([Buffer.from('\r\n'), body]);
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  const parts: FormPart[] = [];
  let start = bytes.indexOf(delimiter);
  while (start !== -1) {
    const from = start + delimiter.length;
    const end = bytes.indexOf(delimiter, from);
    const part = end === -1 ? undefined : partIn(bytes.subarray(from, end));
    if (part) parts.push(part);
    start = end;
  }
  return parts;
}

function partIn(bytes: Buffer): FormPart | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const head = bytes.subarray(0, end).toString('utf8');
  const name = /;\s*name="([^"]*)"/i.exec(head)?.[1];
  if (name === undefined) return undefined;
  const fileName = /;\s*filename="([^"]*)"/i.exec(head)?.[1];
  return {
    name,
    ...(fileName !== undefined && { fileName }),
    contentType: /^content-type:\s*(.+?)\s*$/im.exec(head)?.[1] ?? 'application/octet-stream',
    content: Buffer.from(bytes.subarray(end + 4)),
  };
}
