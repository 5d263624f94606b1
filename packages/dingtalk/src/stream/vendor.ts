import { TokenError } from '@evertoken/core';
import { type StreamSettings, SUBSCRIPTIONS } from './gateway.js';

/** A socket of `ws`, as far as it matters here. */
export interface VendorSocket {
  readonly readyState: number;
  on(event: 'open' | 'pong' | 'message', listener: () => void): unknown;
  on(event: 'close', listener: (code: number) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  removeAllListeners(event: string): unknown;
  ping(): void;
  close(): void;
  terminate(): void;
}

/** What of DingTalk's own client is used, parts that its types call private among them. */
export interface VendorClient {
  /** Where `_connect` goes. */
  dw_url?: string;
  /** The options of the socket that `_connect` makes. */
  sslopts: object;
  readonly socket?: VendorSocket;
  /** Prints frames, tickets and secrets among them, where debugging is on. */
  printDebug(message: unknown): void;
  /** Reads a frame, answers pings, and hands on the rest to the three below. */
  onDownStream(data: unknown): void;
  onSystem(frame: unknown): void;
  onEvent(frame: unknown): void;
  onCallback(frame: unknown): void;
  /** Makes the socket, at once. */
  _connect(): Promise<void>;
  /** Answers a frame. */
  send(messageId: string, value: unknown): void;
}

/** 10 s until a connection stands; `ws` itself would wait for ever. */
const HANDSHAKE_MS = 10_000;
const USED = ['onDownStream', 'onSystem', 'onEvent', '_connect', 'send'] as const;

type VendorModule = { readonly DWClient?: new (options: object) => VendorClient };

/**
 * Loads DingTalk's client, an optional peer.
 *
 * Rejects with `ERR_TOKEN_CONFIGURATION` where it is not installed, or lacks what is used here.
 */
export async function loadVendor({
  name,
  clientId,
  clientSecret,
}: StreamSettings): Promise<{ readonly newClient: () => VendorClient }> {
  const { DWClient } = await vendorModule(name);
  if (DWClient === undefined || USED.some((method) => typeof DWClient.prototype[method] !== 'function')) {
    throw notUsable(name, '"dingtalk-stream" is not the 2.x that is known: npm install dingtalk-stream@2');
  }
  return {
    // A list of its own: without one all clients of the process share theirs.
    newClient: () =>
      new DWClient({ clientId, clientSecret, subscriptions: [...SUBSCRIPTIONS], autoReconnect: false, debug: false }),
  };
}

/**
 * Has a client connect, and returns its socket. From outside are changed: the listeners that print to the console (one of them prints
 * errors as they are) or that connect anew (two of them do, each for itself, and go on after a disconnect); the time limit; and that a
 * frame nobody can read ends the process.
 *
 * @param address with the ticket
 * @param unreadable told of each frame that cannot be read
 */
export function connectVendor(client: VendorClient, address: URL, unreadable: () => void): VendorSocket {
  client.printDebug = () => {};
  const read = client.onDownStream;
  client.onDownStream = (data) => {
    try {
      read.call(client, data);
    } catch {
      unreadable();
    }
  };
  client.dw_url = address.href;
  client.sslopts = { rejectUnauthorized: true, handshakeTimeout: HANDSHAKE_MS };
  // It settles by the listeners that are taken away below.
  client._connect().catch(() => {});
  const { socket } = client;
  if (socket === undefined) throw new Error('no socket');
  for (const event of ['open', 'close', 'error']) socket.removeAllListeners(event);
  return socket;
}

async function vendorModule(name: string): Promise<VendorModule> {
  try {
    return (await import('dingtalk-stream')) as unknown as VendorModule;
  } catch (cause) {
    const { code } = cause as { readonly code?: unknown };
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw cause;
    throw notUsable(name, "DingTalk's own client is not installed: npm install dingtalk-stream@2", cause);
  }
}

function notUsable(account: string, why: string, cause?: unknown): TokenError {
  const details = { account, ...(cause !== undefined && { cause }) };
  return new TokenError('ERR_TOKEN_CONFIGURATION', `account "${account}": the stream cannot be used: ${why}`, details);
}
