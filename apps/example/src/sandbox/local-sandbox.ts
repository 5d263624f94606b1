import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { AUTHORIZERS, ISV_CORPS, PAIR_LIFE_MS, SANDBOX_IDS, SUITE_CORPS, sandboxAccounts } from './sandbox-accounts.js';
import { type GrantMemory, readMemory, type SandboxMemory, writeMemory } from './sandbox-memory.js';
import type { SandboxPlace } from './sandbox-place.js';

/**
 * A sandbox in this process. A real platform stays up while the application restarts; this one would forget whom it gave pairs
 * and permanent codes to, so that every stored one would be refused. Its memory therefore is a file.
 */
export class LocalSandbox implements SandboxPlace {
  /** For tests: the sandbox itself. */
  readonly handle: Sandbox;
  readonly isNew: boolean;
  readonly #directory: string;
  readonly #listeners = new Set<() => void>();

  private constructor(handle: Sandbox, directory: string, isNew: boolean) {
    this.handle = handle;
    this.isNew = isNew;
    this.#directory = directory;
  }

  /** Starts the sandbox on the loopback interface, with what it held when `remember` was last called. */
  static async open(directory: string): Promise<LocalSandbox> {
    const memory = readMemory(directory);
    const handle = await createSandbox(sandboxAccounts(memory));
    handle.advance(memory?.offsetMs ?? 0);
    return new LocalSandbox(handle, directory, memory === undefined);
  }

  get url(): string {
    return this.handle.url;
  }

  get offsetMs(): number {
    return this.handle.state().offsetMs;
  }

  now(): number {
    return this.handle.now();
  }

  /** The sandbox knows it itself; the others are told. */
  learn(): void {
    this.remember();
    for (const listener of this.#listeners) listener();
  }

  onMove(listener: () => void): void {
    this.#listeners.add(listener);
  }

  remember(): void {
    writeMemory(this.#directory, this.#memory());
  }

  close(): Promise<void> {
    this.remember();
    return this.handle.close();
  }

  #memory(): SandboxMemory {
    const { openPlatform, wecom, dingtalkSuite } = this.handle;
    const { platform, suite, isv } = SANDBOX_IDS;
    const appIds = AUTHORIZERS.map(({ appId }) => appId);
    const [customers, corps] = [SUITE_CORPS, ISV_CORPS].map((list) => list.map(({ corpId }) => corpId));
    return {
      offsetMs: this.offsetMs,
      pairs: this.#pairs(),
      platform: grants(openPlatform.currentTicket(platform), appIds, (id) => openPlatform.refreshToken(platform, id)),
      suite: grants(wecom.currentTicket(suite), customers, (id) => wecom.permanentCode(suite, id)),
      isv: grants(dingtalkSuite.currentTicket(isv), corps, (id) => dingtalkSuite.permanentCode(isv, id)),
    };
  }

  #pairs(): SandboxMemory['pairs'] {
    const pairs = SANDBOX_ACCOUNTS.nextengine.users.flatMap(({ uid }) => {
      const pair = this.handle.nextengine.currentPair(SANDBOX_IDS.erp, uid);
      if (!pair) return [];
      const { accessToken, refreshToken, accessTokenExpiresAt } = pair;
      return [[uid, { accessToken, refreshToken, issuedAt: accessTokenExpiresAt - PAIR_LIFE_MS }] as const];
    });
    return Object.fromEntries(pairs);
  }
}

function grants<Ticket>(
  ticket: Ticket | undefined,
  subjects: readonly string[] = [],
  grantOf: (subject: string) => string | undefined,
): GrantMemory<Ticket> {
  const known = subjects.flatMap((subject) => {
    const grant = grantOf(subject);
    return grant === undefined ? [] : [[subject, grant] as const];
  });
  return { ...(ticket !== undefined && { ticket }), grants: Object.fromEntries(known) };
}
