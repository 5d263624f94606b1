import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Connections that would hold a closing server up: those that browsers open in advance, which Node counts among the busy ones
 * until something was asked for, and those of event streams, on which browsers ask again as soon as the stream has ended.
 */
export class Connections {
  readonly #unused = new Set<Socket>();
  readonly #streams = new Set<Socket>();

  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.#unused.add(socket);
      socket.once('close', () => {
        this.#unused.delete(socket);
        this.#streams.delete(socket);
      });
    });
    server.on('request', ({ socket, headers }) => {
      this.#unused.delete(socket);
      if (headers.accept === 'text/event-stream') this.#streams.add(socket);
      else this.#streams.delete(socket);
    });
  }

  /** Ends them, once what was written is sent; connections on which something else is answered are left alone. */
  end(): void {
    for (const socket of [...this.#unused, ...this.#streams]) socket.destroySoon();
  }
}
