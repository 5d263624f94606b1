import { labelOf, type PlatformAnswer, type PlatformRequest, sendToPlatform, TokenError } from '@evertoken/core';

/** What `download` resolves with. */
export interface DingTalkFile {
  /** The file's bytes. */
  readonly body: Uint8Array;
  /** As the platform says. */
  readonly contentType?: string;
  /** The last part of the name the platform gives it, without directories. */
  readonly fileName?: string;
}

/** 64 KiB: what is longer is no error message. */
const LONGEST_MESSAGE = 64 * 1024;
/** Answers that must not have a body. */
const BODILESS: readonly number[] = [204, 205, 304];

/**
 * Sends a request whose answer is a file. What may be one of the platform's error messages instead comes as `answer`'s text.
 *
 * Rejects as `sendToPlatform` does, and with `ERR_TOKEN_TRANSPORT`, its `reason` `oversized`, where the file is longer than
 * `maxBytes`: no more than that is read.
 */
export async function receiveFile(
  request: PlatformRequest,
  maxBytes: number,
): Promise<{ readonly file: DingTalkFile; readonly answer: PlatformAnswer }> {
  let file: DingTalkFile = { body: new Uint8Array() };
  const answer = await sendToPlatform({
    ...request,
    async fetch(input, init) {
      const { headers, status, body: stream } = await request.fetch(input, init);
      const body = await readAtMost(stream, maxBytes, request);
      const disposition = headers.get('content-disposition');
      const contentType = headers.get('content-type');
      const fileName = disposition === null ? undefined : fileNameIn(disposition);
      file = { body, ...(contentType && { contentType }), ...(fileName && { fileName }) };
      // What has a file's name is a file, even where it is JSON or a page itself.
      const message = disposition === null && body.length <= LONGEST_MESSAGE;
      return new Response(BODILESS.includes(status) ? null : message ? body : '', { status, headers });
    },
  });
  return { file, answer };
}

async function readAtMost(
  stream: ReadableStream<Uint8Array> | null,
  maxBytes: number,
  request: PlatformRequest,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = stream?.getReader();
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    length += next.value.length;
    if (length > maxBytes) {
      await reader?.cancel().catch(() => {});
      const message = `${labelOf(request)}: the file is longer than the ${maxBytes} bytes that "maxBytes" allows`;
      const { account } = request;
      throw new TokenError('ERR_TOKEN_TRANSPORT', message, {
        account,
        reason: 'oversized',
        retryable: false,
        uncertain: false,
      });
    }
    chunks.push(next.value);
  }
  return Buffer.concat(chunks, length);
}

/** RFC 6266, and raw UTF-8 too. A path in it would be an invitation: its last part alone counts. */
function fileNameIn(disposition: string): string | undefined {
  const encoded = /filename\*\s*=\s*utf-8''([^;\s]+)/i.exec(disposition)?.[1];
  const plain = /filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(disposition);
  const name = decoded(encoded) ?? fromBytes(plain?.[1]?.replace(/\\(.)/g, '$1') ?? plain?.[2]);
  const last = name
    ?.split(/[\\/]/)
    .at(-1)
    ?.replace(/\p{Cc}/gu, '');
  return last === '' || last === '.' || last === '..' ? undefined : last;
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Header values come as one character per byte. */
function fromBytes(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const utf8 = Buffer.from(text, 'latin1').toString('utf8');
  return utf8.includes('\ufffd') ? text : utf8;
}
