import { fingerprint, type Token, TokenError, type TokenExtra, type TokenSource, type Tokens } from '@evertoken/core';
import { weChatApi } from '../client.js';
import { pause } from '../pause.js';
import { WeChatError } from '../wechat-errors.js';
import { PERMANENT_CODE, type Suite, type SuiteCorpSources, type SuiteSources } from './suite-sources.js';
import { apiTarget } from './we-com-client.js';
import { permanentCodeIn, SUITE_PATHS, SUITE_TOKEN_PARAM } from './wecom-wire.js';

/** A corp that has installed the app. Never holds the permanent code: that is a secret, and stays in the store. */
export interface WeComInstallation {
  /** CorpID of the customer. */
  readonly corpId: string;
  /** Its name. */
  readonly corpName?: string;
  /** The app's number in that corp, where the platform told it. */
  readonly agentId?: string;
  /** What the installation link carried as `state`. */
  readonly state?: string;
}

/** 60 s: the answer of an exchange cannot be had twice, so it is worth a wait. */
const EXCHANGE_TIMEOUT_MS = 60_000;
/** 1 min: clocks that are kept are closer than that, and nobody installs an app again within it. */
const CLOSE_MS = 60_000;
/** 15 min: an auth code lives ten. Who comes with it later has not just installed the app, but found a code. */
const REPEATED_FOR_MS = 15 * 60_000;
/** The code was used already: somebody is storing what it brought. Looked for after so many ms. */
const LOOKS_MS: readonly number[] = [0, 250, 500, 1_000];

/** Installing and uninstalling a suite's app in corps. One for each account: what is under way is shared by all its callers. */
export class SuiteInstallations {
  readonly #suite: Suite;
  readonly #sources: SuiteSources;
  readonly #corp: (corpId: string) => SuiteCorpSources;
  /** Under way, by the tokens' keeper and the code. */
  readonly #exchanges = new WeakMap<Tokens, Map<string, Promise<WeComInstallation>>>();

  constructor(suite: Suite, sources: SuiteSources, corp: (corpId: string) => SuiteCorpSources) {
    this.#suite = suite;
    this.#sources = sources;
    this.#corp = corp;
  }

  /**
   * Exchanges an auth code for a permanent code and stores that. The push `create_auth` and the browser's redirect bring the same
   * code: whoever comes second, within minutes, gets what the first one stored. `at`: when the platform made the code, Unix ms.
   */
  exchange(tokens: Tokens, authCode: string, at: number): Promise<WeComInstallation> {
    const exchanges = this.#exchanges.get(tokens) ?? new Map<string, Promise<WeComInstallation>>();
    this.#exchanges.set(tokens, exchanges);
    const underWay = exchanges.get(authCode);
    if (underWay) return underWay;
    const exchanging = this.#exchange(tokens, authCode, at).finally(() => exchanges.delete(authCode));
    exchanges.set(authCode, exchanging);
    return exchanging;
  }

  /**
   * The corp took the app out. News older than the installation that stands is ignored; where the two are so close that clocks cannot
   * tell (times are whole seconds, and that of a redirect is our own), the platform is asked. Rejects where it cannot say.
   */
  async cancel(tokens: Tokens, corpId: string, at: number): Promise<boolean> {
    const { permanentCode } = this.#corp(corpId);
    const code = await tokens.get(permanentCode).catch(ignoreAbsent);
    const installedAt = installedAtOf(code);
    if (installedAt > at + CLOSE_MS) return false;
    if (code && installedAt >= at - CLOSE_MS) {
      const { outcome, error } = await tokens.refresh(permanentCode);
      if (outcome === 'unchanged' || outcome === 'renewed') return false;
      if (outcome !== 'reauthorize') throw error ?? new Error('nobody can say yet whether the app is installed');
    }
    await tokens.revoke(permanentCode, { order: Math.max(at, installedAt) });
    await this.#forgetTokens(tokens, corpId);
    // What was being asked for meanwhile comes in late, where there was nothing to forget yet.
    inBackground(this.#outwait(tokens, corpId));
    return true;
  }

  /** The corp changed what the app may do: its token is asked for anew. */
  async change(tokens: Tokens, corpId: string): Promise<void> {
    const { permanentCode, accessToken } = this.#corp(corpId);
    if ((await tokens.get(permanentCode).catch(ignoreAbsent)) === undefined) return;
    await tokens.forget(accessToken);
    inBackground(obtain(tokens, accessToken));
  }

  async #exchange(tokens: Tokens, authCode: string, at: number): Promise<WeComInstallation> {
    const startedAt = this.#suite.clock.now();
    let answer: unknown;
    try {
      const api = weChatApi(apiTarget(this.#suite, this.#sources.accessToken, SUITE_TOKEN_PARAM), tokens);
      answer = await api.post(SUITE_PATHS.permanentCode, { auth_code: authCode }, { timeoutMs: EXCHANGE_TIMEOUT_MS });
    } catch (error) {
      if (!(error instanceof WeChatError && error.errcode === 40078)) throw error;
      const stored = await this.#find(tokens, authCode);
      if (stored) return stored;
      throw error;
    }
    const { account } = this.#suite;
    const { permanentCode: value, ...installation } = permanentCodeIn(answer, { account, kind: PERMANENT_CODE.kind });
    const { corpId, state: _state, ...facts } = installation;
    const corp = this.#corp(corpId);
    const extra: TokenExtra = { ...facts, installedAt: at, authCode: fingerprint(authCode) };
    // Installed twice in a moment, and this is the first one's answer, which took longer.
    if (installedAtOf(tokens.peek(corp.permanentCode)) > at) return installation;
    // As a grant first: that one is journalled where the store is away, and the platform hands the code out once.
    await tokens.adopt(corp.permanentCode, { value, extra }, { grant: true });
    // And in its order, so that a cancellation that is delivered late finds itself older.
    await tokens.adopt(corp.permanentCode, { value, extra }, { order: at }).catch(ignoreStore);
    inBackground(this.#renewTokens(tokens, corpId, startedAt));
    return installation;
  }

  /** Tokens of an earlier installation died with it; what was noted of asking for them in vain is over, too. */
  async #renewTokens(tokens: Tokens, corpId: string, since: number): Promise<void> {
    const all = this.#tokensOf(corpId);
    const filter = { accounts: [this.#suite.account], kinds: all.map(({ kind }) => kind), subjects: [corpId] };
    const outdated = new Set(all.slice(0, 1));
    for await (const { key, issuedAt = since } of tokens.inspect(filter)) {
      const source = all.find((one) => one.key === key);
      if (!source || issuedAt >= since) continue;
      await tokens.forget(source);
      outdated.add(source);
    }
    for (const source of outdated) await obtain(tokens, source);
  }

  /** What another process has stored for this code. */
  async #find(tokens: Tokens, authCode: string): Promise<WeComInstallation | undefined> {
    const { account, clock } = this.#suite;
    const mark = fingerprint(authCode);
    for (const ms of LOOKS_MS) {
      if (ms > 0) await pause(clock, ms, { account });
      for await (const { subject, extra } of tokens.inspect({ accounts: [account], kinds: [PERMANENT_CODE.kind] })) {
        if (subject === undefined || extra?.['authCode'] !== mark) continue;
        const recent = Math.abs(clock.now() - Number(extra['installedAt'])) <= REPEATED_FOR_MS;
        return recent ? { corpId: subject, ...installationIn(extra) } : undefined;
      }
    }
    return undefined;
  }

  async #forgetTokens(tokens: Tokens, corpId: string): Promise<void> {
    for (const source of this.#tokensOf(corpId)) await tokens.forget(source);
  }

  async #outwait(tokens: Tokens, corpId: string): Promise<void> {
    // Joins what is under way, here or elsewhere. By itself it asks nobody: the code is gone.
    for (const source of this.#tokensOf(corpId)) await tokens.refresh(source);
    const installed = await tokens.get(this.#corp(corpId).permanentCode).catch(() => undefined);
    if (installed === undefined) await this.#forgetTokens(tokens, corpId);
  }

  #tokensOf(corpId: string): readonly TokenSource[] {
    const { accessToken, jsapiTicket, agentJsapiTicket } = this.#corp(corpId);
    return [accessToken, jsapiTicket, agentJsapiTicket];
  }
}

function installedAtOf(code: Token | undefined): number {
  return Number(code?.extra?.['installedAt'] ?? 0);
}

/** The public facts of a stored installation. */
export function installationIn(extra: TokenExtra | undefined): Omit<WeComInstallation, 'corpId'> {
  const { corpName, agentId } = extra ?? {};
  return {
    ...(typeof corpName === 'string' && { corpName }),
    ...(typeof agentId === 'string' && { agentId }),
  };
}

/** Has a token that lives, asking the platform at once where an earlier attempt failed: what stood in its way has gone. */
export async function obtain(tokens: Tokens, source: TokenSource): Promise<void> {
  const living = await tokens.get(source).catch(() => undefined);
  if (living === undefined) await tokens.refresh(source);
}

/** Work that nobody waits for. Its failures are noted in the key's record and told as events by the manager. */
export function inBackground(work: Promise<unknown>): void {
  work.catch(() => {});
}

function ignoreStore(error: unknown): void {
  if (!(error instanceof TokenError && error.code === 'ERR_TOKEN_STORE')) throw error;
}

function ignoreAbsent(error: unknown): undefined {
  if (!(error instanceof TokenError && error.code === 'ERR_TOKEN_REAUTHORIZATION_REQUIRED')) throw error;
}
