import { randomInt, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../clock.js';
import { hexValue } from '../opaque.js';
import { jsonObject, textField } from '../request.js';

/** An event on its way to a Stream client. */
export interface StreamEvent {
  readonly eventType: string;
  readonly data: object;
  readonly eventId: string;
  readonly bornAt: number;
  readonly corpId: string;
}

/** What came of one delivery: `status` with the code of an acknowledgement other than 200. */
export type StreamOutcome =
  | { readonly outcome: 'success' | 'timeout' | 'network' }
  | { readonly outcome: 'later' }
  | { readonly outcome: 'status'; readonly status: number };

interface Connection {
  readonly id: string;
  readonly account: string;
  readonly socket: WebSocket;
  readonly takesEvents: boolean;
  readonly awaited: Map<string, (answer: Record<string, unknown> | undefined) => void>;
  /** Has been asked to go: gets nothing any more. */
  leaving: boolean;
}

const TICKET_LIFE_MS = 90_000;
const PING_WAIT_MS = 5000;

/**
 * Stream mode: tickets for one connection each, WebSocket connections, frames and their acknowledgements. It listens on a port
 * of its own, as the real gateway has a host of its own.
 */
export class StreamGateway {
  readonly #tickets = new Map<string, { account: string; takesEvents: boolean; endsAt: number }>();
  readonly #connections = new Set<Connection>();
  readonly #webSockets = new WebSocketServer({ noServer: true });
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #clock: Clock;
  readonly #connected: () => void;
  #server: Server | undefined;

  /** `connected` is called whenever a connection has come. */
  constructor(clock: Clock, connected: () => void) {
    this.#clock = clock;
    this.#connected = connected;
  }

  async listen(host: string): Promise<void> {
    const server = createServer((_request, response) => response.writeHead(426).end());
    server.on('upgrade', (request, socket, head) => this.upgrade(request, socket, head));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, host, () => resolve());
    });
    this.#server = server;
  }

  /** A ticket for one connection, and where to connect to: on the host by which the caller knows the sandbox. */
  open(account: string, takesEvents: boolean, host: string): { endpoint: string; ticket: string } {
    const address = this.#server?.address() as AddressInfo | undefined;
    const ticket = hexValue(32);
    this.#tickets.set(ticket, { account, takesEvents, endsAt: this.#clock.now() + TICKET_LIFE_MS });
    return { endpoint: `ws://${host}:${address?.port ?? 0}/connect`, ticket };
  }

  /** Takes a WebSocket connection with a living ticket; answers 401 to any other. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://sandbox');
    const ticket = searchParams.get('ticket') ?? '';
    const known = this.#tickets.get(ticket);
    this.#tickets.delete(ticket);
    if (pathname !== '/connect' || known === undefined || this.#clock.now() >= known.endsAt) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#accept(webSocket, known));
  }

  /** How many connections of a client take events. */
  count(account: string): number {
    return this.#listening(account).length;
  }

  /** Sends an event to one of the client's connections, chosen at random; without one it is as if that had gone. */
  async deliver(account: string, event: StreamEvent, ackMs: number): Promise<StreamOutcome> {
    const connections = this.#listening(account);
    const connection = connections[randomInt(Math.max(connections.length, 1))];
    if (connection === undefined) return { outcome: 'network' };
    const headers = {
      topic: '*',
      eventType: event.eventType,
      eventId: event.eventId,
      eventCorpId: event.corpId,
      eventBornTime: String(event.bornAt),
      eventUnifiedAppId: account,
    };
    const answer = await this.#ask(connection, 'EVENT', headers, JSON.stringify(event.data), ackMs);
    return answer === 'timeout' || answer === 'network' ? { outcome: answer } : judged(answer);
  }

  /** Pings every connection of a client; resolves with how many echoed what was sent. */
  async ping(account: string): Promise<number> {
    const asked = [...this.#connections].filter((each) => each.account === account && !each.leaving);
    const echoes = asked.map(async (connection) => {
      const data = JSON.stringify({ opaque: randomUUID() });
      const answer = await this.#ask(connection, 'SYSTEM', { topic: 'ping' }, data, PING_WAIT_MS);
      return typeof answer === 'object' && answer['code'] === 200 && answer['data'] === data;
    });
    return (await Promise.all(echoes)).filter(Boolean).length;
  }

  /** Asks every connection of a client to go, and cuts what still stands after `afterMs`. */
  disconnect(account: string, afterMs: number): void {
    for (const connection of this.#connections) {
      if (connection.account !== account) continue;
      connection.leaving = true;
      const data = JSON.stringify({ reason: 'persistent connection replaced' });
      connection.socket.send(this.#frame(connection, 'SYSTEM', { topic: 'disconnect' }, randomUUID(), data));
      this.#after(afterMs, () => connection.socket.terminate());
    }
  }

  cut(account: string): void {
    for (const { account: owner, socket } of this.#connections) if (owner === account) socket.terminate();
  }

  /** Cuts every connection and forgets every ticket. */
  reset(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#tickets.clear();
    for (const connection of this.#connections) this.#drop(connection);
  }

  close(): Promise<void> {
    this.reset();
    const server = this.#server;
    return new Promise((resolve) => {
      if (server === undefined) return resolve();
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  #listening(account: string): Connection[] {
    return [...this.#connections].filter((each) => each.account === account && each.takesEvents && !each.leaving);
  }

  #accept(socket: WebSocket, { account, takesEvents }: { account: string; takesEvents: boolean }): void {
    const connection: Connection = {
      id: hexValue(32),
      account,
      socket,
      takesEvents,
      awaited: new Map(),
      leaving: false,
    };
    this.#connections.add(connection);
    socket.on('message', (data) => heard(connection, data));
    socket.on('close', () => this.#drop(connection));
    socket.on('error', () => this.#drop(connection));
    this.#connected();
  }

  #drop(connection: Connection): void {
    this.#connections.delete(connection);
    connection.socket.terminate();
    for (const answered of connection.awaited.values()) answered(undefined);
    connection.awaited.clear();
  }

  /** Sends a frame and waits for its acknowledgement. */
  #ask(
    connection: Connection,
    type: string,
    headers: Record<string, string>,
    data: string,
    waitMs: number,
  ): Promise<Record<string, unknown> | 'timeout' | 'network'> {
    const messageId = randomUUID();
    return new Promise((resolve) => {
      const cancel = this.#after(waitMs, () => {
        connection.awaited.delete(messageId);
        resolve('timeout');
      });
      connection.awaited.set(messageId, (answer) => {
        cancel();
        resolve(answer ?? 'network');
      });
      connection.socket.send(this.#frame(connection, type, headers, messageId, data));
    });
  }

  #frame(
    connection: Connection,
    type: string,
    headers: Record<string, string>,
    messageId: string,
    data: string,
  ): string {
    const all = {
      appId: connection.account,
      connectionId: connection.id,
      contentType: 'application/json',
      messageId,
      time: String(this.#clock.now()),
      ...headers,
    };
    return JSON.stringify({ specVersion: '1.0', type, headers: all, data });
  }

  #after(ms: number, task: () => void): () => void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      task();
    }, ms);
    this.#timers.add(timer);
    return () => {
      clearTimeout(timer);
      this.#timers.delete(timer);
    };
  }
}

function heard({ awaited }: Connection, data: RawData): void {
  const answer = jsonObject(String(data));
  const messageId = textField(answer?.['headers'] as Record<string, unknown> | undefined, 'messageId') ?? '';
  awaited.get(messageId)?.(answer);
  awaited.delete(messageId);
}

function judged(answer: Record<string, unknown>): StreamOutcome {
  const { code, data } = answer;
  if (code !== 200) return { outcome: 'status', status: typeof code === 'number' ? code : 0 };
  const status = textField(typeof data === 'string' ? jsonObject(data) : undefined, 'status');
  return status === 'SUCCESS' ? { outcome: 'success' } : { outcome: 'later' };
}
