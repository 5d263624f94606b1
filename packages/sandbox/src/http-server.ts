import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, jsonAnswer } from './answer.js';
import type { Clock } from './clock.js';
import { CONTROL_PATH } from './control.js';
import type { Reply } from './perform.js';
import type { Mount } from './platform.js';
import { readRequest, type SandboxRequest } from './request.js';

export interface ServerParts {
  readonly clock: Clock;
  readonly mounts: readonly Mount[];
  readonly control: (request: SandboxRequest) => Promise<Answer>;
  readonly perform: (mount: Mount, request: SandboxRequest, reply: Reply) => void;
}

export interface ListeningServer {
  readonly url: string;
  close(): Promise<void>;
}

// Longer than clients keep idle connections, so that a reused one is never cut by chance.
const KEEP_ALIVE_MS = 65_000;

/** Opens the port and hands every request to the control API or to the mount it lies below. */
export async function listen(address: { host: string; port: number }, parts: ServerParts): Promise<ListeningServer> {
  const server = createServer((message, response) => {
    handle(parts, message, response).catch((error: unknown) => fail(parts, response, error));
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await opened(server, address);
  let closing: Promise<void> | undefined;
  return {
    url: urlOf(server.address() as AddressInfo),
    close() {
      closing ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closing;
    },
  };
}

async function handle(parts: ServerParts, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const request = await readRequest(message);
  const { path } = request;
  if (path === CONTROL_PATH || path.startsWith(`${CONTROL_PATH}/`)) {
    return send(parts.clock, response, await parts.control({ ...request, path: path.slice(CONTROL_PATH.length) }));
  }
  const mount = parts.mounts.find((each) => path === each.path || path.startsWith(`${each.path}/`));
  if (mount === undefined) {
    const known = [...parts.mounts.map((each) => each.path), CONTROL_PATH];
    return send(parts.clock, response, jsonAnswer({ error: 'nothing is here', paths: known }, { status: 404 }));
  }
  parts.perform(
    mount,
    { ...request, path: path.slice(mount.path.length) || '/' },
    {
      send: (answer) => send(parts.clock, response, answer),
      destroy: () => message.socket.destroy(),
    },
  );
}

/** Writes an answer, dated by the sandbox's clock; does nothing for a caller who has gone. */
function send(clock: Clock, response: ServerResponse, answer: Answer): void {
  if (response.destroyed || response.headersSent) return;
  response.sendDate = false;
  response.writeHead(answer.status, {
    ...answer.headers,
    date: new Date(clock.now()).toUTCString(),
    'content-length': Buffer.byteLength(answer.body),
  });
  response.end(answer.body);
}

/** A request that could not be read, or a defect of the sandbox itself: never one of the platform's answers. */
function fail({ clock }: ServerParts, response: ServerResponse, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  const status = error instanceof RangeError ? 413 : 500;
  send(clock, response, jsonAnswer({ error: `sandbox: ${message}` }, { status }));
}

function opened(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function urlOf({ address, family, port }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return `http://127.0.0.1:${port}`;
  return family === 'IPv6' ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}
