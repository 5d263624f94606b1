import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** The address that leaves the proxy: the machine's second loopback address, so that it can be told from a direct caller's. */
export const PROXY_ADDRESS = '127.0.0.2';

/** A forward proxy as companies have them: absolute addresses for plain HTTP, CONNECT for tunnels. */
export interface EgressProxy {
  readonly url: string;
  /** `GET /path` of each request that passed, in tunnels too, and `CONNECT host:port` of each tunnel. */
  readonly seen: readonly string[];
  close(): Promise<void>;
}

export async function egressProxy(): Promise<EgressProxy> {
  const seen: string[] = [];
  const sockets = new Set<Duplex>();
  const server = createServer((incoming, outgoing) => {
    const { host, pathname, search } = new URL(incoming.url ?? '');
    seen.push(`${incoming.method} ${pathname}`);
    const options = { ...hostOf(host), path: pathname + search, method: incoming.method, headers: incoming.headers };
    const passedOn = httpRequest({ ...options, localAddress: PROXY_ADDRESS }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passedOn.on('error', () => outgoing.destroy());
    incoming.pipe(passedOn);
  });
  server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    seen.push(`CONNECT ${request.url}`);
    const upstream = connect({ ...hostOf(request.url ?? ''), localAddress: PROXY_ADDRESS }, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.write(head);
      client.on('data', (chunk: Buffer) => {
        // No secret of TLS in these tunnels: what goes through can be read.
        for (const [, method, path] of chunk.toString('latin1').matchAll(/^(GET|POST) ([^\s?]+)\S* HTTP\/1\.1\r$/gm)) {
          seen.push(`${method} ${path}`);
        }
      });
      client.pipe(upstream).pipe(client);
    });
    for (const socket of [client, upstream] as Duplex[]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A `fetch` that sends every request to the proxy, with its whole address, as programs for plain HTTP do. */
export function fetchThrough(proxy: EgressProxy): typeof fetch {
  return async (input, init) => {
    const asked = new Request(input, init);
    const body = Buffer.from(await asked.arrayBuffer());
    const { hostname, port } = new URL(proxy.url);
    const headers = { ...Object.fromEntries(asked.headers), host: new URL(asked.url).host };
    return new Promise((resolve, reject) => {
      const sent = httpRequest({ hostname, port, path: asked.url, method: asked.method, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () =>
          resolve(
            new Response(Buffer.concat(chunks), {
              status: answer.statusCode ?? 502,
              headers: { ...answer.headers } as Record<string, string>,
            }),
          ),
        );
      });
      sent.on('error', reject);
      sent.end(body);
    });
  };
}

/** What the agents of undici take to open their connections. */
type Connect = (
  options: { readonly host: string },
  callback: (error: Error | null, socket: Socket | null) => void,
) => void;

/** An agent of the undici that Node's own `fetch` is made of, whose connections are tunnels of the proxy. */
export async function tunnelAgent(proxy: EgressProxy): Promise<{ dispatch(): boolean; close(): Promise<void> }> {
  // Node keeps its agent there once it has fetched anything.
  await fetch('data:,');
  const known = (globalThis as Record<symbol, unknown>)[Symbol.for('undici.globalDispatcher.1')] as {
    constructor: new (options: { connect: Connect }) => { dispatch(): boolean; close(): Promise<void> };
  };
  const { hostname, port } = new URL(proxy.url);
  return new known.constructor({
    connect({ host }, callback) {
      const asked = httpRequest({ hostname, port, method: 'CONNECT', path: host });
      asked.on('connect', (_answer, socket) => callback(null, socket as Socket));
      asked.on('error', (error) => callback(error, null));
      asked.end();
    },
  });
}

function hostOf(host: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(`http://${host}`);
  return { host: hostname, port: Number(port) };
}
