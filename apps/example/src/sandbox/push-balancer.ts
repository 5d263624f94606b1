import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** An instance that has not answered a push by then is left out, ms. */
const PATIENCE_MS = 2_000;

/** A running balancer. */
export interface PushBalancer {
  /** What the platforms are told as the application's address. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * One address for several instances, as a balancer in front of a real application is: each push goes to the next instance, or to
 * the one after it where that is away or does not answer. 503 where none does.
 */
export async function startPushBalancer(instances: readonly string[]): Promise<PushBalancer> {
  let turn = 0;
  const server = createServer((incoming, response) => {
    const order = instances.map((_, index) => instances[(turn + index) % instances.length] as string);
    turn += 1;
    forward(incoming, response, order).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function forward(incoming: IncomingMessage, response: ServerResponse, order: readonly string[]): Promise<void> {
  const body = await buffer(incoming);
  for (const instance of order) {
    const answer = await ask(instance, incoming, body).catch(() => undefined);
    if (answer === undefined) continue;
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
    return;
  }
  response.writeHead(503).end();
}

function ask(
  instance: string,
  { method, url = '/', headers }: IncomingMessage,
  body: Buffer,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // No connection is kept: one that an instance took down with it would look like a refusal.
    const asked = request(new URL(url, instance), { method, headers, agent: false, timeout: PATIENCE_MS }, resolve);
    asked.once('error', reject);
    asked.once('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.end(body);
  });
}
