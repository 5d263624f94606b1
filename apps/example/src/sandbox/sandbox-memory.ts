import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DingTalkSuiteTicket, OpenPlatformTicket, WeComTicket } from '@evertoken/sandbox';

/** What platforms do not forget when one of their clients restarts: the sandbox's clock, and their side of every grant. */
export interface SandboxMemory {
  /** How far the clock is ahead, ms. */
  readonly offsetMs: number;
  /** NextEngine's token pairs, by user. */
  readonly pairs: Readonly<Record<string, NextEnginePairMemory>>;
  readonly platform: GrantMemory<OpenPlatformTicket>;
  readonly suite: GrantMemory<WeComTicket>;
  readonly isv: GrantMemory<DingTalkSuiteTicket>;
}

export interface NextEnginePairMemory {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly issuedAt: number;
}

/** The newest pushed ticket, and by subject what its authorization brought: a refresh token, a permanent code. */
export interface GrantMemory<Ticket> {
  readonly ticket?: Ticket;
  readonly grants: Readonly<Record<string, string>>;
}

/** Of a sandbox that nobody has used yet. */
export const EMPTY_MEMORY: SandboxMemory = {
  offsetMs: 0,
  pairs: {},
  platform: { grants: {} },
  suite: { grants: {} },
  isv: { grants: {} },
};

/** Undefined where there is none yet. A file of before lacks what was not remembered then. */
export function readMemory(directory: string): SandboxMemory | undefined {
  try {
    return { ...EMPTY_MEMORY, ...(JSON.parse(readFileSync(pathIn(directory), 'utf8')) as Partial<SandboxMemory>) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Synchronous and small: nothing can come between, and a crash leaves the file of before. */
export function writeMemory(directory: string, memory: SandboxMemory): void {
  const path = pathIn(directory);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, JSON.stringify(memory), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function pathIn(directory: string): string {
  return join(directory, 'platforms.json');
}
