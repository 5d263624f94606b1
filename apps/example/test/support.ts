import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TokenManager } from '@evertoken/core';
import type { Sandbox } from '@evertoken/sandbox';
import { afterAll, afterEach } from 'vitest';
import type { LocalSandbox } from '../src/sandbox/local-sandbox.js';
import { SandboxKeeper } from '../src/sandbox/sandbox.keeper.js';
import { type Environment, readSettings } from '../src/settings.js';
import { type Example, startExample } from '../src/start-example.js';

export const HOUR_MS = 3_600_000;
export const UID = 'user-tanaka';

type Work = () => Promise<unknown>;

const afterTest: Work[] = [];
const afterFile: Work[] = [];
let later = afterTest;
afterEach(() => doAll(afterTest));
afterAll(() => doAll(afterFile));

async function doAll(list: Work[]): Promise<void> {
  for (const work of list.splice(0).reverse()) await work();
}

/** Does something after the test; the last thing registered first. */
export function afterwards(work: Work): void {
  later.push(work);
}

/** Makes something when it is first asked for, for all tests of the file: what it does `afterwards` waits for the last of them. */
export function shared<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  const begin = async () => {
    later = afterFile;
    try {
      return await make();
    } finally {
      later = afterTest;
    }
  };
  return () => {
    made ??= begin();
    return made;
  };
}

/** A directory of this test. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'evertoken-example-'));
  afterwards(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** The example on a free port; nothing of the machine's environment reaches it. */
export async function run(env: Environment): Promise<Example & { readonly tokens: TokenManager }> {
  const example = await startExample(readSettings({ PORT: '0', ...env }), { logger: false });
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= example.close();
    return closed;
  };
  afterwards(close);
  return { ...example, close, tokens: example.app.get(TokenManager) };
}

/** The example in sandbox mode, once the first pushes have come; by default with an empty memory. `env`: what else its environment has. */
export async function runOnSandbox(
  dataDirectory?: string,
  env: Environment = {},
): Promise<Awaited<ReturnType<typeof run>> & { readonly local: LocalSandbox; readonly sandbox: Sandbox }> {
  const example = await run({ ...env, DATA_DIR: dataDirectory ?? (await temporaryDirectory()) });
  const local = example.platforms.sandbox?.local;
  if (!local) throw new Error('the example has no sandbox of its own');
  await example.app.get(SandboxKeeper).connected;
  return { ...example, local, sandbox: local.handle };
}

/** A browser's memory without a browser: keeps the example's cookie, follows no redirect by itself. */
export class Visitor {
  readonly #base: string;
  #cookie = '';

  constructor(base: string) {
    this.#base = base;
  }

  async get(path: string): Promise<Response> {
    return this.#send(path, {});
  }

  async post(path: string, fields: Record<string, string>): Promise<Response> {
    return this.#send(path, { method: 'POST', body: new URLSearchParams(fields) });
  }

  async json(path: string): Promise<unknown> {
    return (await this.get(path)).json();
  }

  /** Signs in to NextEngine as somebody who clicks their name on the sandbox's page. */
  async signIn(uid: string): Promise<Response> {
    const begun = await this.get('/nextengine/sign-in');
    const chosen = await fetch(`${begun.headers.get('location')}&uid=${uid}`, { redirect: 'manual' });
    return this.get(chosen.headers.get('location') ?? '');
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    const headers = { ...(this.#cookie !== '' && { cookie: this.#cookie }) };
    const response = await fetch(new URL(path, this.#base), { ...init, headers, redirect: 'manual' });
    const cookie = response.headers.getSetCookie().at(-1);
    if (cookie !== undefined) this.#cookie = cookie.replace(/;.*/s, '');
    return response;
  }
}
