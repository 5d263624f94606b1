import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import type { Sandbox } from '../../src/index.js';
import { api, type Reply, SUITE } from './suite-support.js';

/** A frame as it came, its data read. */
export interface Frame {
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What a client answers to a frame; undefined for nothing. */
export type Answer = (frame: Frame, raw: { headers: Record<string, string>; data: string }) => object | undefined;

const EVENTS = [{ type: 'EVENT', topic: '*' }];

export function openStream(sandbox: Sandbox, changes: object = {}): Promise<Reply> {
  const body = { clientId: SUITE.suiteKey, clientSecret: SUITE.suiteSecret, subscriptions: EVENTS, ...changes };
  return api(sandbox, 'POST', '/v1.0/gateway/connections/open', body);
}

/** Acknowledges a frame with a status of its own. */
export function ack(status: 'SUCCESS' | 'LATER', code = 200): Answer {
  return (_frame, { headers }) => ({
    code,
    message: 'OK',
    headers: { messageId: headers['messageId'], contentType: 'application/json' },
    data: JSON.stringify({ status }),
  });
}

/** A Stream client on a connection of its own: acknowledges everything unless told otherwise. Cut when the test ends. */
export async function connect(sandbox: Sandbox, answer: Answer = ack('SUCCESS'), changes: object = {}) {
  const { endpoint, ticket } = (await openStream(sandbox, changes)).body;
  const frames: Frame[] = [];
  const socket = new WebSocket(`${endpoint}?ticket=${ticket}`);
  onTestFinished(() => socket.terminate());
  let isClosed = false;
  socket.on('close', () => {
    isClosed = true;
  });
  socket.on('message', (text) => {
    const raw = JSON.parse(String(text)) as { type: string; headers: Record<string, string>; data: string };
    const frame = { ...raw, data: JSON.parse(raw.data) as Record<string, unknown> };
    frames.push(frame);
    const reply = answer(frame, raw);
    if (reply !== undefined) socket.send(JSON.stringify(reply));
  });
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return { socket, frames, ticket, isClosed: () => isClosed };
}

/** The HTTP status that a WebSocket handshake is refused with. */
export function refusedHandshake(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.once('unexpected-response', (request, response) => {
      request.destroy();
      resolve(response.statusCode ?? 0);
    });
    socket.once('open', () => reject(new Error('the connection was taken')));
    socket.on('error', () => {});
  });
}
