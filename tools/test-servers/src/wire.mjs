import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** A wire between a client and its server that can be cut, and that counts. */
export class Wire {
  turns = 0;
  accepted = 0;
  mute = false;
  sent = '';
  #sockets = new Set();
  #server;

  /** @param {string} serverUrl */
  static async before(serverUrl) {
    const wire = new Wire();
    const { hostname, port, protocol } = new URL(serverUrl);
    wire.#server = createServer((client) =>
      wire.#join(client, connect(Number(port || DEFAULT_PORTS[protocol]), hostname)),
    );
    wire.#server.unref().listen(0, '127.0.0.1');
    await once(wire.#server, 'listening');
    const own = new URL(serverUrl);
    own.hostname = '127.0.0.1';
    own.port = String(wire.#server.address().port);
    wire.url = own.href;
    return wire;
  }

  get connections() {
    return this.#sockets.size / 2;
  }

  sever() {
    for (const socket of this.#sockets) socket.destroy();
  }

  close() {
    this.sever();
    this.#server.close();
  }

  #join(client, upstream) {
    let answered = true;
    this.accepted++;
    for (const socket of [client, upstream]) {
      socket.setNoDelay().unref();
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (data) => {
      if (answered) this.turns++;
      answered = false;
      this.sent += data.toString('latin1');
      upstream.write(data);
    });
    upstream.on('data', (data) => {
      answered = true;
      if (!this.mute) client.write(data);
    });
  }
}

const DEFAULT_PORTS = { 'redis:': 6379, 'postgres:': 5432, 'postgresql:': 5432, 'mysql:': 3306 };
