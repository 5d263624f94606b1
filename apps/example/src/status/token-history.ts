import type {
  CommitEvent,
  ConflictEvent,
  FailureEvent,
  GrantEndingEvent,
  IssueEvent,
  KeyEvent,
  ReauthorizeEvent,
  RejectEvent,
  StateEvent,
  TokenEvents,
} from '@evertoken/core';
import type { TokenRow } from './status.js';
import { type Mark, TokenLife } from './token-life.js';

/** A line of the log: what happened to which key. */
export interface Happening extends Pick<KeyEvent, 'account' | 'kind' | 'at'> {
  /** Counts up: tells two of the same moment apart. */
  readonly number: number;
  readonly subject?: string;
  readonly what: Mark['what'] | 'stored' | 'state';
  readonly text: string;
}

type KeyName = Pick<KeyEvent, 'account' | 'kind'> & { readonly subject?: string };

/** How many keys are remembered; the one that was quiet longest is forgotten first. */
const MAX_KEYS = 1_000;
/** How many lines the log has. */
const MAX_HAPPENINGS = 200;

/** One name for a key, the same from events and from `inspect`. */
export function nameOf({ account, kind, subject = '' }: KeyName): string {
  return `${account}/${kind}/${subject}`;
}

/** What happened to the tokens since the start of the process: from the manager's events, completed by what `inspect` says. */
export class TokenHistory {
  readonly #lives = new Map<string, TokenLife>();
  readonly #happenings: Happening[] = [];
  #heard = 0;
  #number = 0;

  /** The life of a key, if anything is known of it. */
  lifeOf(key: KeyName): TokenLife | undefined {
    return this.#lives.get(nameOf(key));
  }

  /** How many events were heard so far. */
  get heard(): number {
    return this.#heard;
  }

  /** Newest last. */
  get happenings(): readonly Happening[] {
    return this.#happenings;
  }

  /** Takes in an event of the manager. */
  hear<Name extends keyof TokenEvents>(name: Name, event: TokenEvents[Name]): void {
    const take: { readonly [Each in keyof TokenEvents]: (event: TokenEvents[Each]) => void } = {
      commit: (each) => this.#stored(each),
      issue: (each) => this.#issued(each),
      conflict: (each) => this.#mark(each, 'conflict', conflictText(each)),
      reject: (each) => this.#refused(each),
      failure: (each) => this.#mark(each, 'failure', failureText(each)),
      state: (each) => this.#turned(each),
      reauthorize: (each) => this.#mark(each, 'reauthorize', reauthorizeText(each)),
      grantEnding: (each) => this.#mark(each, 'ending', endingText(each)),
    };
    this.#heard += 1;
    this.#life(event).heard = this.#heard;
    take[name](event);
  }

  /**
   * Takes in what `inspect` says: what was there before the start, and what other processes have done. `since`: how many events
   * were heard when the look began; of a key that had one since then it may tell what is over.
   */
  see(rows: readonly TokenRow[], now: number, since: number): void {
    for (const row of rows.slice(0, MAX_KEYS)) {
      const life = this.#life(row);
      if (life.heard > since) continue;
      const { state, cause, generation, issuedAt, expiresAt, lineage, failure } = row;
      const isThere = generation !== undefined && (issuedAt !== undefined || lineage !== undefined);
      if (isThere && state !== 'gone') {
        const seen = {
          number: generation,
          from: issuedAt ?? lineage?.at ?? now,
          cause: lineage?.cause ?? 'issue',
          ...(expiresAt !== undefined && { expiresAt }),
        };
        life.begin(seen, lineage?.at ?? seen.from);
      } else life.end(now, 'gone');
      life.turn(state, failure?.at ?? now, cause);
    }
  }

  #stored(event: CommitEvent): void {
    const { generation, expiresAt, cause, at } = event;
    if (generation !== undefined) {
      const heard = { number: generation, from: at, cause, ...(expiresAt !== undefined && { expiresAt }) };
      this.#life(event).begin(heard, at);
    }
    this.#log(event, 'stored', STORED[cause] ?? `stored (${cause})`);
  }

  #issued(event: IssueEvent): void {
    if (event.outcome !== 'unchanged') return;
    this.#life(event).wasUnchanged();
    this.#mark(event, 'unchanged', 'the platform answered with the same token');
  }

  #refused(event: RejectEvent): void {
    if (event.outcome === 'renewed') this.#life(event).wasRefused();
    this.#mark(event, 'refused', REFUSED[event.outcome]);
  }

  #turned(event: StateEvent): void {
    const { to, from, cause, at } = event;
    const life = this.#life(event);
    if (to === 'gone') life.end(at, 'gone');
    life.turn(to, at, cause);
    this.#log(event, 'state', `${from} → ${to}${cause === undefined ? '' : ` (${cause})`}`);
  }

  #mark(event: KeyEvent, what: Mark['what'], text: string): void {
    this.#life(event).mark({ at: event.at, what, text });
    this.#log(event, what, text);
  }

  #log({ account, kind, subject, at }: KeyEvent, what: Happening['what'], text: string): void {
    this.#number += 1;
    this.#happenings.push({
      number: this.#number,
      at,
      account,
      kind,
      ...(subject !== undefined && { subject }),
      what,
      text,
    });
    if (this.#happenings.length > MAX_HAPPENINGS) this.#happenings.shift();
  }

  #life(key: KeyName): TokenLife {
    const name = nameOf(key);
    const life = this.#lives.get(name) ?? new TokenLife();
    // What is heard of last stands last.
    this.#lives.delete(name);
    this.#lives.set(name, life);
    const [quietest] = this.#lives.keys();
    if (this.#lives.size > MAX_KEYS && quietest !== undefined) this.#lives.delete(quietest);
    return life;
  }
}

const STORED: Readonly<Record<string, string>> = {
  issue: 'issued by the platform',
  recover: 'recovered from the platform',
  adopt: 'taken over from an answer',
  push: 'pushed by the platform',
  grant: 'granted by a person',
  restore: 'taken over from another system',
};

const REFUSED: Readonly<Record<RejectEvent['outcome'], string>> = {
  better: 'refused by the platform; a newer one was there',
  renewed: 'refused by the platform; a new one took its place',
  again: 'refused by the platform; asking brought nothing better',
};

function conflictText({ stored }: ConflictEvent): string {
  return `not stored: generation ${stored} stands`;
}

function failureText({ code, platformCode, failures }: FailureEvent): string {
  const times = failures > 1 ? `, ${failures} in a row` : '';
  return platformCode === undefined ? `${code}${times}` : `${code}, platform code ${platformCode}${times}`;
}

function reauthorizeText({ cause }: ReauthorizeEvent): string {
  return `a person must authorize again (${cause})`;
}

function endingText({ endsAt }: GrantEndingEvent): string {
  return `the grant ends at ${new Date(endsAt).toISOString().slice(0, 16).replace('T', ' ')} and was not renewed`;
}
