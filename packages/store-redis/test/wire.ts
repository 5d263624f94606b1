import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A wire between a store and its server that can be cut, and that counts. */
export class Wire {
  readonly url: string;
  /** How often the client sent something after the server had had its say: round trips. */
  turns = 0;
  /** Connections ever made. */
  accepted = 0;
  /** The server's answers are lost. */
  mute = false;
  /** What the client sent. */
  sent = '';
  readonly #sockets: Set<Socket>;

  private constructor(url: string, sockets: Set<Socket>) {
    this.url = url;
    this.#sockets = sockets;
  }

  /** Starts one before the server of a URL; it does not keep the process alive. */
  static async before(serverUrl: string): Promise<Wire> {
    const url = new URL(serverUrl);
    const sockets = new Set<Socket>();
    const server = createServer((client) => {
      const upstream = connect(Number(url.port || 6379), url.hostname);
      let answered = true;
      wire.accepted++;
      for (const socket of [client, upstream]) {
        socket.setNoDelay().unref();
        sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
      }
      client.on('data', (data) => {
        if (answered) wire.turns++;
        answered = false;
        wire.sent += data.toString('latin1');
        upstream.write(data);
      });
      upstream.on('data', (data) => {
        answered = true;
        if (!wire.mute) client.write(data);
      });
    });
    server.unref().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const own = new URL(serverUrl);
    own.hostname = '127.0.0.1';
    own.port = String((server.address() as AddressInfo).port);
    const wire = new Wire(own.href, sockets);
    return wire;
  }

  get connections(): number {
    return this.#sockets.size / 2;
  }

  /** Cuts all connections, as a failing network would. */
  sever(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
