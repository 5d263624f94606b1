import type { Clock } from '../clock.js';
import { hexValue } from '../opaque.js';
import { CodeBook } from './code-book.js';
import { Gate } from './gate.js';
import { Renewable, type RenewableTerms } from './renewable.js';
import { Sns } from './sns.js';
import type { DingTalkCommonSettings } from './switches.js';
import { type SignIn, UserGrants } from './user-grants.js';
import type { DingTalkUserSettings } from './users.js';

/** What a client is made of. */
export interface ClientIdentity {
  readonly account: string;
  readonly secret: string;
  readonly corpId?: string | undefined;
  readonly ssoSecret?: string | undefined;
  readonly users: readonly DingTalkUserSettings[];
}

/** How an app or a suite is told things at the moment. */
export interface DingTalkChannelState {
  /** Stream connections that take events. */
  readonly streams: number;
  /** Events that nobody has acknowledged, those included that wait for a Stream connection. */
  readonly waitingPushes: number;
}

/** What an internal app and a suite have in common: a key, a secret, people who sign in, limits. */
export abstract class DingTalkClient {
  /** App key or suite key. */
  readonly account: string;
  /** Its own organisation. */
  readonly corpId: string | undefined;
  readonly ssoSecret: string | undefined;
  readonly users: readonly DingTalkUserSettings[];
  readonly gate: Gate;
  /** Codes of the login page. */
  readonly authCodes: CodeBook<SignIn>;
  /** Codes of the admin console. */
  readonly ssoCodes: CodeBook<DingTalkUserSettings>;
  readonly grants: UserGrants;
  readonly sns: Sns;
  readonly ssoToken: Renewable;
  secret: string;
  readonly #clock: Clock;

  constructor(identity: ClientIdentity, clock: Clock) {
    this.account = identity.account;
    this.secret = identity.secret;
    this.corpId = identity.corpId;
    this.ssoSecret = identity.ssoSecret;
    this.users = identity.users;
    this.#clock = clock;
    const switches = () => this.switches;
    this.gate = new Gate(switches, clock);
    this.authCodes = new CodeBook(clock);
    this.ssoCodes = new CodeBook(clock);
    this.grants = new UserGrants(switches, clock);
    this.sns = new Sns(switches, clock);
    this.ssoToken = this.line(() => ({
      lifetimeMs: this.switches.ssoExpiresIn * 1000,
      repeat: this.switches.ssoRepeat,
      superseded: 'valid',
    }));
  }

  abstract get switches(): DingTalkCommonSettings;

  now(): number {
    return this.#clock.now();
  }

  user(unionId: string): DingTalkUserSettings | undefined {
    return this.users.find((user) => user.unionId === unionId);
  }

  /** The lifetime member of a token answer, or none, as the switch says. */
  lifetime(name: string, seconds = this.switches.expiresIn): Record<string, number> {
    const { lifetimeField } = this.switches;
    if (lifetimeField === 'missing') return {};
    return { [name]: lifetimeField === 'zero' ? 0 : seconds };
  }

  /** A token or ticket with terms of its own; those left out are the account's. */
  line(terms: () => Partial<RenewableTerms>, characters = 32): Renewable {
    return new Renewable(
      () => hexValue(characters),
      () => ({ lifetimeMs: this.switches.expiresIn * 1000, ...terms() }),
    );
  }

  /** A JS ticket: renewed by every fetch, until a day after its creation. */
  ticketLine(): Renewable {
    return this.line(() => ({ maxLifeMs: this.switches.ticketMaxLifeMs, repeat: this.switches.ticketRepeat }), 64);
  }
}

/** The ticket as it is answered: with what is left of its life, or the full lifetime, as the switch says. */
export function ticketOf(client: DingTalkClient, line: Renewable): { value: string; expiresIn: number } {
  const { value, expiresAt } = line.fetch(client.now());
  const { ticketExpiresIn, expiresIn } = client.switches;
  const remaining = Math.floor((expiresAt - client.now()) / 1000);
  return { value, expiresIn: ticketExpiresIn === 'constant' ? expiresIn : remaining };
}
