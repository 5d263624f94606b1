import type { Clock } from '../clock.js';
import type { WeComSettings } from './account.js';
import { WeComCorp } from './corp.js';
import { WeComError } from './errors.js';
import type { Installation } from './installation.js';
import { SuiteApp } from './suite-app.js';
import type { CorpHolder, TokenHolder } from './token-holder.js';

/** The whole of a simulated WeCom: companies, suites, and the holder of every token that was ever issued. */
export class WeComDirectory {
  readonly corps = new Map<string, WeComCorp>();
  readonly suites = new Map<string, SuiteApp>();
  #holders = new Map<string, TokenHolder>();
  /** Companies of the accounts; the others have only installed something. */
  #configured = new Set<string>();
  readonly #clock: Clock;

  constructor(accounts: readonly WeComSettings[], clock: Clock) {
    this.#clock = clock;
    for (const settings of accounts) {
      this.#configured.add(settings.corpId);
      this.corps.set(settings.corpId, new WeComCorp(settings.corpId, settings.name, clock, { settings }));
    }
    for (const { corpId, suites } of accounts) {
      const owner = this.corps.get(corpId) as WeComCorp;
      for (const settings of suites) this.suites.set(settings.suiteId, new SuiteApp(settings, owner, clock));
    }
    for (const suite of this.suites.values()) {
      for (const { corpId, name, agentId, permanentCode } of suite.settings.corps) {
        const corp = this.customer(suite, corpId, name);
        if (permanentCode !== undefined) suite.install(corp, agentId, permanentCode);
      }
    }
  }

  configured(): WeComCorp[] {
    return [...this.corps.values()].filter(({ corpId }) => this.#configured.has(corpId));
  }

  /** The company of this id; one that nobody knows yet is taken to be like the suite's provider. */
  customer(suite: SuiteApp, corpId: string, name?: string): WeComCorp {
    const known = this.corps.get(corpId);
    if (known) return known;
    const corp = new WeComCorp(corpId, name ?? `Corp ${corpId}`, this.#clock, { like: suite.owner });
    this.corps.set(corpId, corp);
    return corp;
  }

  /** The company's token, counted as the holder's from now on. */
  obtain(holder: TokenHolder, expiresIn: number) {
    const issue = holder.token.obtain(holder.gate.now(), expiresIn);
    this.#holders.set(issue.value, holder);
    return issue;
  }

  /** The holder a token was issued to, dead or alive. */
  holder(token: string | null): TokenHolder | undefined {
    return token === null ? undefined : this.#holders.get(token);
  }

  /** The holder inside a company of an `access_token` that works now; throws what a call answers otherwise. */
  corpHolder(token: string | null): CorpHolder {
    if (!token) throw new WeComError(41001);
    const holder = this.#holders.get(token);
    if (holder?.lane !== 'corp') throw new WeComError(40014);
    this.#checkAlive(holder, token, 42001);
    return holder as CorpHolder;
  }

  suiteHolder(token: string | null): SuiteApp {
    if (!token) throw new WeComError(41022);
    const holder = this.#holders.get(token);
    if (holder?.lane !== 'suite') throw new WeComError(40082);
    this.#checkAlive(holder, token, 42009);
    return holder as SuiteApp;
  }

  /** The provider of a token that works now. The platform names one code for dead tokens of providers. */
  provider(token: string | null): TokenHolder {
    if (!token) throw new WeComError(41001, 'provider_access_token missing');
    const holder = this.#holders.get(token);
    if (holder?.lane !== 'provider') throw new WeComError(40082);
    this.#checkAlive(holder, token, 40082);
    return holder;
  }

  /** Whose a secret is: an agent's, or that of a provider-built app in this company. */
  secretOwner(corpId: string | undefined, secret: string | undefined): CorpHolder | undefined {
    if (corpId === undefined || secret === undefined) return undefined;
    return this.corps.get(corpId)?.agentOf(secret) ?? this.#builtFor(corpId, secret);
  }

  /** Whether a secret opens something else than an agent of this company. */
  opensSomethingElse(secret: string): boolean {
    return (
      [...this.corps.values()].some((corp) => corp.holds(secret) || corp.provider?.secret === secret) ||
      [...this.suites.values()].some((suite) => suite.secret === secret)
    );
  }

  #builtFor(corpId: string, secret: string): Installation | undefined {
    return [...this.suites.values()]
      .filter(({ settings }) => settings.providerBuilt)
      .map((suite) => suite.installed(corpId))
      .find((installation) => installation?.permanentCode === secret);
  }

  #checkAlive(holder: TokenHolder, token: string, expiredCode: number): void {
    const verdict = holder.token.verdict(token, holder.gate.now());
    if (verdict === 'killed') throw new WeComError(holder.killedCode);
    if (verdict === 'expired') throw new WeComError(expiredCode);
  }
}
