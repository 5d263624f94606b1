import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSandbox, SANDBOX_ACCOUNTS, type Sandbox } from '@evertoken/sandbox';
import { whyMissing } from '@evertoken/test-servers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SHARED_STORES } from '../processes/stores.js';
import { Crowd, type Outcomes } from './crowd.js';

const PROOF = process.env['EVERTOKEN_PROOF'] === '1';
const PROCESSES = PROOF ? 8 : 4;
const CALLERS = PROOF ? 500 : 100;
/** Rounds of a token that is refused: of a kind whose new token kills the last one. */
const ROUNDS = PROOF ? 20 : 3;
const STORES = SHARED_STORES.filter(({ store }) => PROOF || store === 'postgresStore' || store === 'redisStore');

const MINUTE = 60_000;
/** More than half a token's life: the count of forced issues begins anew. */
const HALF_LIFE_MS = 61 * MINUTE;
/** The longest back-off; a refused secret begins with it. */
const BACK_OFF_MS = 15 * MINUTE;

let sandbox: Sandbox;
let crowd: Crowd;
let directory: string;
let at: number;

beforeEach(async () => {
  sandbox = await createSandbox();
  directory = await mkdtemp(join(tmpdir(), 'evertoken-load-'));
  at = 0;
});

afterEach(async () => {
  crowd?.kill();
  await sandbox.close();
  await rm(directory, { recursive: true, force: true });
});

/** How often the platform was asked for a token. */
const asked = () => sandbox.calls().filter(({ endpoint }) => endpoint === '/cgi-bin/token').length;

const callers = (task: 'get' | 'reject', input: object = {}) => crowd.callers(task, { at, callers: CALLERS, ...input });

function pass(ms: number): void {
  at += ms;
  sandbox.advance(ms);
}

/** The one value that all callers got. */
function theOne({ values, errors }: Outcomes): string {
  expect(errors).toEqual({});
  expect(Object.values(values)).toEqual([PROCESSES * CALLERS]);
  return Object.keys(values)[0] as string;
}

describe(`${PROCESSES} processes with ${CALLERS} callers each`, () => {
  for (const { store, server, options } of STORES) {
    const onStore = (what: string, body: () => Promise<void>, app: object = {}) =>
      it(`${store}: ${what}`, { timeout: PROOF ? 600_000 : 120_000 }, async ({ skip }) => {
        const missing = server && whyMissing(server);
        if (missing) skip(missing);
        const { appId, secret } = SANDBOX_ACCOUNTS.wechat;
        crowd = new Crowd(PROCESSES);
        await crowd.all('open', {
          store,
          options: await options(directory),
          baseUrl: sandbox.urls.wechat,
          app: { appId, secret, ...app },
        });
        await body();
        await crowd.all('close');
      });

    onStore('one call for all who are refused a token, none for those who come later with it', async () => {
      let value = theOne(await callers('get'));
      expect(asked()).toBe(1);
      for (let round = 1; round <= ROUNDS; round++) {
        const better = theOne(await callers('reject', { value }));
        expect(better).not.toBe(value);
        expect(asked()).toBe(1 + round);
        expect(theOne(await callers('reject', { value }))).toBe(better);
        expect(theOne(await callers('get'))).toBe(better);
        expect(asked()).toBe(1 + round);
        value = better;
        pass(HALF_LIFE_MS);
      }
    });

    onStore('at most 10 forced issues in an hour in which every fresh token is refused, and all are told', async () => {
      theOne(await callers('get'));
      let told = 0;
      for (let minute = 0; minute < 60; minute++, pass(MINUTE)) {
        const { values, errors } = await callers('reject');
        for (const [error, count] of Object.entries(errors)) {
          expect(error).toMatch(/^ERR_TOKEN_REJECTED_AGAIN: /);
          told += count;
        }
        // A process whose token another one has replaced meanwhile gets that one.
        expect(Object.values(values).every((count) => count % CALLERS === 0)).toBe(true);
      }
      const forced = asked() - 1;
      expect(forced).toBeGreaterThan(1);
      expect(forced).toBeLessThanOrEqual(10);
      expect(told).toBeGreaterThan(40 * PROCESSES * CALLERS);
      // It can be used all the while: the platform may be wrong, and others may not be refused.
      theOne(await callers('get'));
    });

    onStore(
      'one call per back-off step for a wrong secret, and the same clear error for all',
      async () => {
        for (let step = 1; step <= 4; step++) {
          for (let again = 0; again < 3; again++) {
            const { values, errors } = await callers('get');
            expect(values).toEqual({});
            expect(Object.keys(errors)).toEqual([expect.stringMatching(/^ERR_TOKEN_REFUSED: .*shop.*40125/)]);
            expect(Object.values(errors)).toEqual([PROCESSES * CALLERS]);
            expect(asked()).toBe(step);
            if (again < 2) pass((BACK_OFF_MS - MINUTE) / 2);
          }
          pass(2 * MINUTE);
        }
      },
      { secret: 'not-the-secret-of-this-account' },
    );
  }
});
