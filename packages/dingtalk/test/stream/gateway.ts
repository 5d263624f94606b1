import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';

/** The sockets that DingTalk's own client brings along. */
interface Socket {
  on(event: 'message', listener: (data: Buffer) => void): void;
  on(event: 'close', listener: () => void): void;
  send(text: string): void;
  close(): void;
  terminate(): void;
}
interface SocketServer {
  handleUpgrade(...args: [...unknown[], (socket: Socket) => void]): void;
}
const require = createRequire(createRequire(import.meta.url).resolve('dingtalk-stream'));
const { WebSocketServer } = require('ws') as { WebSocketServer: new (options: object) => SocketServer };

export const CLIENT = { clientId: 'dingclient0001', clientSecret: 'client-secret-0123456789' };

/** One request for a connection. */
export interface OpenRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

/** What a client answered to a frame. */
export interface Answer {
  readonly code: number;
  readonly message: string;
  readonly headers: Record<string, string>;
  readonly data: string;
}

/** One connection, as the gateway has it. */
export class GatewayConnection {
  readonly answers: Answer[] = [];
  closed = false;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (data) => this.answers.push(JSON.parse(data.toString()) as Answer));
    socket.on('close', () => {
      this.closed = true;
    });
  }

  event(eventType: string, data: unknown, headers: Record<string, string> = {}, messageId = 'm1'): void {
    const named = {
      topic: '*',
      contentType: 'application/json',
      messageId,
      time: '1700000000000',
      eventType,
      ...headers,
    };
    this.frame({ specVersion: '1.0', type: 'EVENT', headers: named, data: JSON.stringify(data) });
  }

  system(topic: string, data: unknown = {}): void {
    const headers = { topic, contentType: 'application/json', messageId: `s-${topic}`, time: '1700000000000' };
    this.frame({ specVersion: '1.0', type: 'SYSTEM', headers, data: JSON.stringify(data) });
  }

  frame(frame: unknown): void {
    this.#socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** What was answered to a frame. */
  answerTo(messageId = 'm1'): Answer | undefined {
    return this.answers.find(({ headers }) => headers['messageId'] === messageId);
  }

  statusOf(messageId = 'm1'): unknown {
    const answer = this.answerTo(messageId);
    return answer && (JSON.parse(answer.data) as { status: unknown }).status;
  }

  close(): void {
    this.#socket.close();
  }

  terminate(): void {
    this.#socket.terminate();
  }
}

/** What the gateway is told to do. */
export interface GatewaySwitches {
  /** Instead of a connection. */
  refusal?: { readonly status: number; readonly body: string } | undefined;
  /** Instead of the address that is right. */
  endpoint?: string | undefined;
  /** Whether the upgrade is refused. */
  noUpgrade: boolean;
  /** Whether a WebSocket ping is answered. */
  autoPong: boolean;
  /** Whether requests are left without an answer. */
  silent: boolean;
}

/** DingTalk's gateway, as far as the sheet describes it: a ticket opens one connection. */
export class Gateway {
  readonly opened: OpenRequest[] = [];
  readonly connections: GatewayConnection[] = [];
  readonly tickets: string[] = [];
  readonly switches: GatewaySwitches = { noUpgrade: false, autoPong: true, silent: false };
  readonly #server = createServer();
  readonly #unused = new Set<string>();

  static async start(port = 0): Promise<Gateway> {
    const gateway = new Gateway();
    const server = gateway.#server;
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
        gateway.opened.push({ headers: request.headers, body });
        const { refusal, silent } = gateway.switches;
        if (silent) return;
        const { status, body: text } = refusal ?? { status: 200, body: gateway.#ticket() };
        response.writeHead(status, { 'content-type': 'application/json' }).end(text);
      });
    });
    server.on('upgrade', (request, socket, head) => {
      const ticket = new URL(request.url ?? '', 'http://x').searchParams.get('ticket') ?? '';
      if (gateway.switches.noUpgrade || !gateway.#unused.delete(ticket)) {
        socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
        return;
      }
      const sockets = new WebSocketServer({ noServer: true, autoPong: gateway.switches.autoPong });
      sockets.handleUpgrade(request, socket, head, (opened) => {
        gateway.connections.push(new GatewayConnection(opened));
      });
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return gateway;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get baseUrls(): { readonly api: string } {
    return { api: `http://127.0.0.1:${this.port}` };
  }

  /** The one that stands, or the newest. */
  get connection(): GatewayConnection {
    const connection = this.connections.at(-1);
    if (!connection) throw new Error('nobody is connected');
    return connection;
  }

  async stop(): Promise<void> {
    for (const connection of this.connections) connection.terminate();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #ticket(): string {
    const ticket = `ticket-${this.tickets.length}-0123456789abcdef`;
    this.tickets.push(ticket);
    this.#unused.add(ticket);
    return JSON.stringify({ endpoint: this.switches.endpoint ?? `ws://127.0.0.1:${this.port}/connect`, ticket });
  }
}
