import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * A port of 127.0.0.1 that was free a moment ago. Below the range from which systems take ports for outgoing connections: while a
 * server is down nobody else is given its port, and a client that keeps trying cannot be connected to itself. A Redis cluster also
 * uses the port 10,000 above, which stays below as well.
 */
export async function freePort() {
  for (;;) {
    const port = randomInt(12_000, 22_000);
    if (await isFree(port)) return port;
  }
}

/** Whether somebody could listen on this port of 127.0.0.1. */
export function isFree(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.on('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
