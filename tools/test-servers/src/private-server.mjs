// A server of the tests' own: started in a fresh folder, killed, restarted, removed.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastLines, run } from './commands.mjs';
import { guard } from './guard.mjs';
import { KINDS } from './kind.mjs';
import { newPlace, removePlace } from './place.mjs';
import { freePort } from './ports.mjs';
import { familyOf, killFamily, livingOf, signal, stop } from './processes.mjs';

/** How long a server may take to answer after its start, or to end: far more than it needs on a slow machine. */
const PATIENCE_MS = 60_000;
const PORT_TAKEN = /address already in use|could not bind|bind on tcp|failed listening on port/i;

/**
 * Starts a private server.
 * @param {import('./index.d.ts').ServerKind} kind
 * @param {{ settings?: Readonly<Record<string, string>>, template?: string }} [options] `template`: a data folder to copy
 * @returns {Promise<import('./index.d.ts').PrivateServer>}
 */
export async function startPrivateServer(kind, { settings = {}, template } = {}) {
  const place = { ...newPlace(kind), settings };
  try {
    if (template) await run('cp', ['-Rp', template, place.data], place.as);
    else await KINDS[kind].createData?.(place);
    for (let attempt = 1; ; attempt++) {
      const server = new PrivateServer(kind, { ...place, port: await freePort() });
      try {
        await server.restart();
        return server;
      } catch (error) {
        if (attempt === 5 || !PORT_TAKEN.test(error.message)) throw error;
      }
    }
  } catch (error) {
    removePlace(place);
    throw error;
  }
}

/**
 * A data folder to copy for further servers of this kind, and what removes it; `undefined` where a server starts from nothing.
 * @param {import('./index.d.ts').ServerKind} kind
 * @returns {Promise<{ data: string, remove(): void } | undefined>}
 */
export async function createTemplate(kind) {
  if (!KINDS[kind].createData) return undefined;
  const place = newPlace(kind);
  try {
    await KINDS[kind].createData(place);
  } catch (error) {
    removePlace(place);
    throw error;
  }
  return { data: place.data, remove: () => removePlace(place) };
}

class PrivateServer {
  kind;
  port;
  #place;
  #traits;
  /** @type {import('node:child_process').ChildProcess | undefined} while it runs */
  #child;
  /** Resolves with how it ended. */
  #ended;

  constructor(kind, place) {
    this.kind = kind;
    this.port = place.port;
    this.#place = place;
    this.#traits = KINDS[kind];
  }

  get pid() {
    if (!this.#child) throw new Error(`${this.#traits.title} is not running`);
    return this.#child.pid;
  }

  get url() {
    return this.#traits.url(this.port);
  }

  async restart() {
    if (this.#child) throw new Error(`${this.#traits.title} is running: kill or shut it down first`);
    await this.#traits.clear?.(this.#place);
    const { pid } = await this.#spawn();
    const end = performance.now() + PATIENCE_MS;
    let exit;
    this.#ended.then((words) => (exit = words));
    for (let wait = 10; ; wait = Math.min(2 * wait, 100)) {
      try {
        return await this.#traits.ready({ ...this.#place, pid });
      } catch (error) {
        const reason = exit ?? (performance.now() > end ? `did not answer: ${error.message}` : undefined);
        if (reason === undefined) {
          await sleep(wait);
          continue;
        }
        await this.kill();
        throw new Error(`${this.#traits.title} on port ${this.port} ${reason}\n${this.#log()}`);
      }
    }
  }

  async kill() {
    if (this.#child) await this.#gone(killFamily(this.pid));
  }

  async shutdown() {
    await this.#end(this.#traits.shutdownSignal);
  }

  pause() {
    // The parent first, so that it has no further children meanwhile.
    stop([this.pid]);
    stop(familyOf(this.pid));
  }

  resume() {
    signal(familyOf(this.pid).reverse(), 'SIGCONT');
  }

  async stop() {
    if (this.#traits.quitSignal) await this.#end(this.#traits.quitSignal);
    else await this.kill();
    await this.#traits.clear?.(this.#place);
    removePlace(this.#place);
  }

  async #spawn() {
    const { folder, as } = this.#place;
    const [program, args] = this.#traits.command(this.#place);
    const log = openSync(join(folder, 'server.log'), 'a');
    // A group of its own: Ctrl-C in the terminal is for the tests, which then end their servers.
    const child = spawn(program, args, { ...as, detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, name) => {
        this.#child = undefined;
        guard({ folder });
        resolve(`ended with ${code ?? name}`);
      });
      child.once('error', (error) => resolve(error.message));
    });
    if (child.pid === undefined) throw new Error(`${program}: ${await this.#ended}`);
    child.unref();
    this.#child = child;
    guard({ folder, pid: child.pid, quitSignal: this.#traits.quitSignal });
    return child;
  }

  async #end(name) {
    if (!this.#child) return;
    this.resume();
    const family = familyOf(this.pid);
    signal([this.pid], name);
    await this.#gone(family);
  }

  /** Waits for the server's own end and for its children's. */
  async #gone(family) {
    // Its end is what this process may be waiting for alone; the timer is not.
    this.#child.ref();
    const late = sleep(PATIENCE_MS, 'late', { ref: false });
    if ((await Promise.race([this.#ended, late])) !== 'late' && (await allGone(family))) return;
    throw new Error(`${this.#traits.title} did not end within ${PATIENCE_MS} ms (processes ${family})\n${this.#log()}`);
  }

  #log() {
    return lastLines(readFileSync(join(this.#place.folder, 'server.log'), 'utf8'));
  }
}

async function allGone(family) {
  const end = performance.now() + PATIENCE_MS;
  while (livingOf(family).length > 0) {
    if (performance.now() > end) return false;
    await sleep(5);
  }
  return true;
}
