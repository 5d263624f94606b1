// A TCP proxy that counts round trips: each time the client speaks after the server has, or first, is one.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export async function countingProxy(port, host = '127.0.0.1') {
  const counter = { trips: 0 };
  const sockets = new Set();
  const server = createServer((client) => {
    const upstream = connect(port, host);
    let waiting = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
        sockets.delete(socket);
      });
    }
    client.on('data', (data) => {
      if (!waiting) counter.trips++;
      waiting = true;
      upstream.write(data);
    });
    upstream.on('data', (data) => {
      waiting = false;
      client.write(data);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    /** Round trips since the last call. */
    take() {
      const { trips } = counter;
      counter.trips = 0;
      return trips;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
