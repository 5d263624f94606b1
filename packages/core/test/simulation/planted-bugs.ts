import type { Kind } from './cast.js';
import type { Bug } from './program.js';

/** A bug, what it is played with, and the rule that it breaks. */
export interface PlantedBug extends Bug {
  readonly name: string;
  readonly kind: Kind;
  readonly rule: string;
  /** The seed to begin with, where the first histories do not show it. */
  readonly first?: number;
}

/** Looser versions of the rules, each of which somebody has shipped. The first twelve are those of the design. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'no re-read in claim: who has waited for a lease asks again for what the holder has just brought',
    kind: 'superseding',
    rule: 'S1',
    changes: [['store/steps.ts', 'if (!stands || leaseLives(present, now)', 'if (leaseLives(present, now)']],
  },
  {
    name: 'the intent dropped: nobody knows that a renewal may have gone through',
    kind: 'rotating',
    rule: 'S5',
    changes: [['flights.ts', 'spends ? { generation: record.generation } : undefined', 'undefined']],
  },
  {
    name: 'the intent dropped: a token that a silent holder has killed is served on',
    kind: 'superseding',
    rule: 'S11',
    changes: [['flights.ts', 'spends ? { generation: record.generation } : undefined', 'undefined']],
  },
  {
    name: 'the abort applied to rotating requests',
    kind: 'rotating',
    rule: 'S2',
    changes: [
      ['attempt.ts', 'rotating ? settings.rotatingTimeoutMs : settings.requestTimeoutMs', 'settings.requestTimeoutMs'],
      ['attempt.ts', 'if (!rotating) stop.abort(timeout);', 'if (limitMs > 0) stop.abort(timeout);'],
    ],
  },
  {
    name: 'an intent taken as a dead grant',
    kind: 'rotating',
    rule: 'S6',
    changes: [
      [
        'verdict.ts',
        "error.uncertain)) return 'doubtful';",
        "error.uncertain)) return source.issuance === 'rotating' ? 'reauthorize' : 'doubtful';",
      ],
    ],
  },
  {
    name: 'the mark reauthorize set whatever stands by then',
    kind: 'rotating',
    rule: 'S6',
    first: 1100,
    changes: [['attempt.ts', '{ release: !settles, generation: record.generation }', '{ release: !settles }']],
  },
  {
    name: 'the generation check removed from commits',
    kind: 'rotating',
    rule: 'S3',
    changes: [
      ['store/steps.ts', 'return present.generation === predecessor && (present.token', 'return (present.token'],
    ],
  },
  {
    name: 'a superseding commit accepted under an old epoch',
    kind: 'superseding',
    rule: 'S11',
    first: 1700,
    changes: [['commit.ts', "fenced: source.issuance === 'superseding',", 'fenced: false,']],
  },
  {
    name: 'an echo adopted: the pair of a late answer is taken for a rotation',
    kind: 'rotating',
    rule: 'S3',
    changes: [
      ['adopt.ts', "if ('presented' in basis && issued.value === basis.presented) return;", ''],
      ['adopt.ts', "if (seen) return 'ignore';", ''],
      [
        'adopt.ts',
        "{ predecessor: generation, cause: 'adopt' } : 'conflict'",
        "{ predecessor: generation, cause: 'adopt' } : { predecessor: generation, cause: 'adopt' }",
      ],
    ],
  },
  {
    name: 'a key deleted without a tombstone',
    kind: 'rotating',
    rule: 'S3',
    changes: [
      ['store/steps.ts', 'next: { ...rest, goneAt: now, attempt: {', 'next: { ...emptyRecord(rest.key), attempt: {'],
    ],
  },
  {
    name: 'orphans left in the due index',
    kind: 'idempotent',
    rule: 'S9',
    changes: [
      [
        'store/steps.ts',
        'attempt: { ...record.attempt, cause } }, null)',
        'attempt: { ...record.attempt, cause } }, record.refreshAt ?? null)',
      ],
    ],
  },
  {
    name: 'a failure not noted: each waiter repeats it',
    kind: 'idempotent',
    rule: 'S1',
    changes: [['attempt.ts', 'store.note(lease, verdict.change, {', 'store.note(lease, {}, {']],
  },
  {
    name: 'a push accepted out of order',
    kind: 'pushed',
    rule: 'S3',
    changes: [
      ['adopt.ts', 'basis.order < token.order;', 'false;'],
      ['adopt.ts', "if (older || (seen && token?.value !== issued.value)) return 'ignore';", ''],
    ],
  },
  {
    name: 'a request sent without a look at the lease',
    kind: 'rotating',
    rule: 'S2',
    changes: [['attempt.ts', 'if (until - link.now() <', 'if (Number.POSITIVE_INFINITY <']],
  },
  {
    name: 'no settling: the next request is sent while the platform may still be at the last',
    kind: 'superseding',
    rule: 'S11',
    first: 4000,
    changes: [
      ['attempt.ts', "const settles = source.issuance === 'superseding' && error.uncertain;", 'const settles = false;'],
      ['verdict.ts', 'error.uncertain ? settings.settleMs : 0', 'false ? 1 : 0'],
    ],
  },
  {
    name: 'a doubt forgotten over the next failure',
    kind: 'superseding',
    rule: 'S11',
    first: 3300,
    changes: [['verdict.ts', 'attempt.intent.since + overlap : never', 'never : never']],
  },
  {
    name: 'an outdated copy put back into an emptied store',
    kind: 'superseding',
    rule: 'S11',
    first: 23900,
    changes: [
      [
        'memory.ts',
        "this.age(source, copy) === 'unchecked') return undefined",
        "this.age(source, copy) === 'unchecked') void 0",
      ],
    ],
  },
  {
    name: 'half a pair stored',
    kind: 'rotating',
    rule: 'S7',
    changes: [['check-issued.ts', "source.issuance === 'rotating' && !issued.refreshToken", 'false']],
  },
  {
    name: 'an answer given up with its process’s first failed write',
    kind: 'rotating',
    rule: 'never lost',
    first: 700,
    changes: [
      [
        'commit.ts',
        'for (let delay = FIRST_RETRY_MS; answer === undefined;',
        'for (let delay = FIRST_RETRY_MS; false;',
      ],
    ],
  },
  {
    name: 'lifetimes counted from the answer',
    kind: 'idempotent',
    rule: 'S10',
    changes: [
      [
        'commit.ts',
        '...timesOf(issued, source, { stored, startedAt, grace }),',
        '...timesOf(issued, source, { stored, startedAt: link.now(), grace }),',
      ],
    ],
  },
  {
    name: 'the back-off of one process kept from the others',
    kind: 'superseding',
    rule: 'S1',
    changes: [['verdict.ts', 'retryAt: retryAt ?? null,', 'retryAt: null,']],
  },
  {
    name: 'an older sign-in stored over a later one',
    kind: 'rotating',
    rule: 'S3',
    first: 11000,
    changes: [['sign-in.ts', 'return time > at && time <= now + CLOCK_ERROR_MS;', 'return false;']],
  },
];
