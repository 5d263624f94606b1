import { inspect } from 'node:util';
import type { Account } from '../account.js';
import { accountKeyIn, accountKeyOf, parseTokenKey } from '../key.js';
import type { TokenSource } from '../source.js';
import { fixedTokens } from './fixed-tokens.js';
import type { TestRunner } from './store-contract.js';

/** What the suite needs of a provider. */
export interface AccountContractOptions {
  /** What its tests are called. */
  readonly name: string;
  /** A well-configured account called `account` whose secrets are the `secrets`. */
  readonly create: () => Account;
  /** What no error, event or status may show. */
  readonly secrets: readonly string[];
  /** The same factory without any credentials, as it is on import where the environment is empty. */
  readonly unconfigured: () => Account;
  /** Handles below the account, where it has subjects. */
  readonly subjects?: (account: Account) => readonly TokenSource[];
}

/** Everything an account of a provider owes before it ever speaks to its platform, as tests. */
export function accountContract({ describe, it, expect }: TestRunner, options: AccountContractOptions): void {
  const handles = (account: Account) => [...account.sources(), ...(options.subjects?.(account) ?? [])];

  describe(`${options.name} keeps the contract of Account`, () => {
    it('has no problems when it is well configured', () => {
      expect(options.create().problems()).toEqual([]);
    });

    it('is built without credentials, says what is missing, and hands out its sources all the same', () => {
      const account = options.unconfigured();
      const problems = account.problems();
      expect(problems.length).toBeGreaterThan(0);
      for (const problem of problems) expect(/^"\w+" /.test(problem)).toBe(true);
      expect(handles(account).length).toBe(handles(options.create()).length);
      expect(typeof account.client(fixedTokens([]))).toBe('object');
    });

    it('gives every source back by its kind and subject', () => {
      const account = options.create();
      for (const source of handles(account)) {
        expect(account.source(source.kind, source.subject)?.key).toBe(source.key);
        expect(source.account).toBe(account.name);
      }
      expect(account.source('no such kind')).toBeUndefined();
    });

    it('keeps one object for each of its own handles', () => {
      const account = options.create();
      for (const source of account.sources()) expect(account.source(source.kind)).toBe(source);
    });

    it('has keys of its own, one for each source, that hold its id', () => {
      const account = options.create();
      const keys = handles(account).map(({ key }) => key);
      expect(new Set(keys).size).toBe(keys.length);
      for (const source of handles(account)) {
        expect(accountKeyIn(source.key)).toBe(accountKeyOf(account));
        expect(parseTokenKey(source.key)).toMatchObject({
          platform: account.platform,
          id: account.id,
          kind: source.kind,
        });
      }
    });

    it('declares each kind as its sources are', () => {
      const account = options.create();
      for (const { kind, issuance, keep, overlapMs } of handles(account)) {
        const declared = account.kinds.find((candidate) => candidate.kind === kind);
        expect({ issuance: declared?.issuance, keep: declared?.keep, overlapMs: declared?.overlapMs ?? 0 }).toEqual({
          issuance,
          keep,
          overlapMs: overlapMs ?? 0,
        });
      }
    });

    it('names no parents but its own', () => {
      const account = options.create();
      for (const { dependsOn = [] } of handles(account)) {
        for (const parent of dependsOn) expect(account.source(parent.kind, parent.subject)?.key).toBe(parent.key);
      }
    });

    it('shows its secrets to nobody who prints it', () => {
      const account = options.create();
      const shown = [account, account.client(fixedTokens([])), ...handles(account)].map(
        (value) => inspect(value, { depth: 9, showHidden: true }) + String(JSON.stringify(value)),
      );
      for (const secret of options.secrets) expect(shown.filter((text) => text.includes(secret))).toEqual([]);
    });
  });
}
