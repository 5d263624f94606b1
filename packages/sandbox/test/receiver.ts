import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { decryptReply, encryptPush, pushSignature } from '../src/push-crypto.js';
import { xmlText } from '../src/push-message.js';

export interface Keys {
  readonly token: string;
  readonly encodingAESKey: string;
  readonly receiveId: string;
}

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface ReceiverAnswer {
  readonly status?: number;
  readonly body?: string;
  /** Never answers. */
  readonly silent?: boolean;
}

/** An application that gets pushes: it answers `success` unless told otherwise. Closed when the test ends. */
export async function startReceiver(answer: (push: Received) => ReceiverAnswer | Promise<ReceiverAnswer> = () => ({})) {
  const received: Received[] = [];
  const server = createServer(async (message, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
    const url = new URL(message.url ?? '/', 'http://receiver');
    const push: Received = {
      method: message.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: message.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    };
    received.push(push);
    const { status = 200, body = 'success', silent = false } = await answer(push);
    if (!silent) response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received };
}

/** The decrypted text of a push, its signature checked; undefined for a push that is not what it should be. */
export function open({ query, body }: Received, keys: Keys): string | undefined {
  const encrypted = body.startsWith('{') ? (JSON.parse(body) as { Encrypt: string }).Encrypt : xmlText(body, 'Encrypt');
  if (encrypted === undefined) return undefined;
  const [timestamp, nonce] = [query.get('timestamp') ?? '', query.get('nonce') ?? ''];
  if (query.get('msg_signature') !== pushSignature(keys.token, timestamp, nonce, encrypted)) return undefined;
  return decryptReply(keys, encrypted);
}

/** An encrypted reply in XML, as an application sends it. */
export function encryptedReply({ query }: Received, keys: Keys, text: string): string {
  const encrypted = encryptPush(keys, text);
  const nonce = query.get('nonce') ?? '';
  const signature = pushSignature(keys.token, '1700000000', nonce, encrypted);
  return `<xml><Encrypt><![CDATA[${encrypted}]]></Encrypt><MsgSignature>${signature}</MsgSignature><TimeStamp>1700000000</TimeStamp><Nonce>${nonce}</Nonce></xml>`;
}
