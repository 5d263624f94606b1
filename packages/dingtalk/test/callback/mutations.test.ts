import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { CallbackRequest } from '@evertoken/core';
import { describe, expect, it } from 'vitest';
import { type DingTalkPush, openCallback } from '../../src/index.js';
import { type Draft, damage, draftOf, retouch } from './mutators.js';
import { eventIn } from './pushes.js';
import { diceOf } from './random.js';
import { type Specimen, specimens } from './specimens.js';

const PROOF = process.env['EVERTOKEN_PROOF'] === '1';
const SEED = Number(process.env['EVERTOKEN_SEED'] ?? 1);
const MUTATIONS = PROOF ? 1_000_000 : 20_000;
const LIMIT_MS = PROOF ? 1_800_000 : 120_000;
/** Long pushes are slow and differ in nothing but length: of 30 pushes one may be longer than this, bytes. */
const LONG = 4_096;
const RARELY = 30;
/** What one push leaves behind is at least some hundred bytes; over the second half of the run that would be far more. */
const HEAP_SLACK = 24 * 1024 * 1024;

describe('whatever is done to a genuine push', () => {
  it(`${MUTATIONS} times: no other is accepted, and none fails otherwise`, { timeout: LIMIT_MS }, async () => {
    const dice = diceOf(SEED);
    const all = await Promise.all(specimens(dice).map(withContent));
    const common = all.filter(({ specimen }) => specimen.request.body.length < LONG);
    const counts = { accepted: 0, refused: 0, retouched: 0 };
    const startedAt = process.cpuUsage();
    let halfway = 0;
    for (let round = 0; round < MUTATIONS; round++) {
      if (round === MUTATIONS / 2) halfway = heapAfterCollection();
      const { specimen, content } = dice.pick(dice.below(RARELY) === 0 ? all : common);
      const draft = draftOf(specimen.request);
      const harmless = dice.below(4) === 0;
      for (let times = 1 + dice.below(3); times > 0; times--) {
        if (harmless) retouch(draft, dice);
        else damage(draft, dice);
      }
      const push = await openCallback(draft as CallbackRequest, specimen.settings).catch((error: Error) => error);
      const problem = problemWith(push, draft, specimen, content, harmless);
      if (problem !== undefined) {
        const shown = JSON.stringify({ ...draft, body: draft.body.toString() }).slice(0, 4_000);
        expect.fail(`${problem}: ${specimen.name}, EVERTOKEN_SEED=${SEED}, round ${round}: ${shown}`);
      }
      counts[harmless ? 'retouched' : push instanceof Error || push.kind === 'refused' ? 'refused' : 'accepted']++;
    }
    const grown = heapAfterCollection() - halfway;
    process.stdout.write(
      `callbacks, EVERTOKEN_SEED=${SEED}: ${MUTATIONS} mutations of ${all.length}; damaged: ${counts.refused} refused, ` +
        `${counts.accepted} as before; changed where nothing is signed: ${counts.retouched}, all as before; heap of the second half ` +
        `${grown < 0 ? '' : '+'}${(grown / 2 ** 20).toFixed(1)} MiB; ${(process.cpuUsage(startedAt).user / 1e6).toFixed(0)} s of one core\n`,
    );
    // Otherwise the mutations miss what they are for.
    expect(counts.refused).toBeGreaterThan(MUTATIONS / 4);
    expect(counts.accepted).toBeGreaterThan(MUTATIONS / 50);
    expect(grown).toBeLessThan(HEAP_SLACK);
  });
});

async function withContent(specimen: Specimen): Promise<{ specimen: Specimen; content: string }> {
  const push = await openCallback(specimen.request, specimen.settings);
  expect(push.kind, specimen.name).not.toBe('refused');
  return { specimen, content: contentOf(push) };
}

function contentOf(push: DingTalkPush): string {
  const { event, ownerKey, timestamp } = eventIn(push);
  return JSON.stringify([event, ownerKey, timestamp]);
}

/** What must not be, in words; undefined where all is well. */
function problemWith(
  push: DingTalkPush | Error,
  draft: Draft,
  specimen: Specimen,
  content: string,
  harmless: boolean,
): string | undefined {
  if (push instanceof Error) return `threw ${push.stack}`;
  if (push.kind === 'refused') {
    if (push.reply.status !== 403 || push.reply.body !== '') return 'another refusal';
    return harmless ? 'refused what nobody signed' : undefined;
  }
  for (const name of specimen.signed) {
    if (read(draft, name) !== specimen.request.query[name]) return `accepted another ${name}`;
  }
  if (ciphertextIn(draft) !== specimen.encrypt) return 'accepted another ciphertext';
  return contentOf(push) === content ? undefined : 'another message';
}

/** A value may have moved to the other name that is looked at for it, in front of the first. */
function read({ query }: Draft, name: string): unknown {
  if (name.endsWith('signature')) return query['msg_signature'] ?? query['signature'];
  return name === 'nonce' ? query['nonce'] : (query['timeStamp'] ?? query['timestamp']);
}

/** Found without the reader that is being tested. */
function ciphertextIn({ body }: Draft): unknown {
  return (JSON.parse(body.toString().replace(/^[\s\ufeff]+/, '')) as { readonly encrypt?: unknown }).encrypt;
}

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}
