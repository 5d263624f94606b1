import { type Adoption, commitOrHold, commitOver, type Planned } from './adoption.js';
import { checkIssued } from './check-issued.js';
import type { Engine } from './engine.js';
import { fingerprint } from './key.js';
import { signInMoment } from './sign-in.js';
import type { AdoptBasis, TokenSource } from './source.js';
import { emptyRecord, type TokenRecord } from './store/record.js';
import type { IssuedToken } from './token.js';

/** `Tokens.adopt`: compare and commit, without lease, until it is stored or found to be no news. */
export async function adopt(
  engine: Engine,
  source: TokenSource,
  issued: IssuedToken,
  basis: AdoptBasis,
): Promise<void> {
  checkIssued(source, issued);
  // An echo is no news, whatever the store holds, and whether or not it can be asked.
  if ('presented' in basis && issued.value === basis.presented) return;
  const adoption: Adoption = {
    issued,
    startedAt: engine.clock.now(),
    ...('grant' in basis && { signedIn: signInMoment(engine, source) }),
    plan: (record) => plan(record, issued, basis),
    ...('presented' in basis && { base: presentedBase(engine, source, basis.presented) }),
  };
  // A push is sent again when we fail; a pair learned from an answer, or brought by a sign-in, is not to be had twice.
  if ('order' in basis) await commitOver(engine, source, adoption);
  else await commitOrHold(engine, source, adoption);
}

function plan(record: TokenRecord, issued: IssuedToken, basis: AdoptBasis): Planned {
  const { token, generation } = record;
  if ('grant' in basis) return { predecessor: generation, revive: true, cause: 'grant' };
  const seen = token?.seen.includes(fingerprint(issued.value)) ?? false;
  if ('order' in basis) {
    const older = token?.order !== undefined && basis.order < token.order;
    // The same value again is a duplicate push: it may move the order on, never bring an older value back.
    if (older || (seen && token?.value !== issued.value)) return 'ignore';
    return { predecessor: generation, revive: true, cause: 'push', order: basis.order };
  }
  // A late echo of anything stored before is no rotation.
  if (seen) return 'ignore';
  return token?.value === basis.presented ? { predecessor: generation, cause: 'adopt' } : 'conflict';
}

/** What is known here of the record whose token was presented: enough to name the predecessor while the store is away. */
function presentedBase(engine: Engine, source: TokenSource, presented: string): TokenRecord | undefined {
  const copy = engine.memory.copy(source);
  if (copy?.value !== presented || copy.generation === 0) return undefined;
  const { issuedAt } = copy;
  const lineage = { cause: 'issue', actor: engine.settings.name, at: issuedAt, durationMs: 0 } as const;
  const token = { value: presented, issuedAt, firstSeenAt: issuedAt, seen: [], lineage };
  return { ...emptyRecord(source.key), generation: copy.generation, token };
}
