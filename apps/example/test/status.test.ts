import { describe, expect, it } from 'vitest';
import { Telling } from '../src/status/picture.js';
import type { TokenRow } from '../src/status/status.js';
import { pictureOf } from '../src/status/status.page.js';
import { TokenHistory } from '../src/status/token-history.js';
import { HOUR_MS } from './support.js';

const NOW = Date.UTC(2026, 0, 14);
const KEY = { platform: 'wechat', account: 'shop', kind: 'access_token' };
const KIND = { kind: 'access_token', issuance: 'superseding', keep: 'obtainable', overlapMs: 300_000 } as const;

/** A token's line as `inspect` has it. */
function row(number: number, over: Partial<TokenRow> = {}): TokenRow {
  const issuedAt = NOW - 1_000;
  return {
    ...KEY,
    state: 'active',
    generation: number,
    issuedAt,
    expiresAt: issuedAt + 2 * HOUR_MS,
    lineage: { cause: 'issue', actor: 'p1', at: issuedAt, durationMs: 3 },
    ...over,
  };
}

/** A key that was given `count` tokens, an hour apart, the last one now. */
function issue(history: TokenHistory, count: number, key: typeof KEY & { subject?: string } = KEY): void {
  for (let number = 1; number <= count; number++) {
    const at = NOW - (count - number) * HOUR_MS;
    history.hear('commit', { ...key, at, generation: number, expiresAt: at + 2 * HOUR_MS, cause: 'issue' });
  }
}

function picture(tokens: readonly TokenRow[], history: TokenHistory, only?: string) {
  const accounts = [{ name: 'shop', kinds: [KIND] }];
  return pictureOf({ status: { now: NOW, tokens }, history, accounts, only });
}

const markup = (items: readonly { readonly content: { readonly markup: string } }[]) =>
  items.map(({ content }) => content.markup).join('\n');
const countIn = (text: string, part: string) => text.split(part).length - 1;

describe('the history of tokens', () => {
  it('forgets no token: those that are too many are added up', () => {
    const history = new TokenHistory();
    issue(history, 300);
    const life = history.lifeOf(KEY);
    expect(life?.generations).toHaveLength(180);
    expect(life?.earlier).toEqual({ count: 120, from: NOW - 299 * HOUR_MS, to: NOW - 179 * HOUR_MS });
    expect(history.happenings).toHaveLength(200);
  });

  it('knows how a token ended', () => {
    const history = new TokenHistory();
    issue(history, 2);
    history.hear('reject', { ...KEY, at: NOW, outcome: 'renewed' });
    history.hear('state', { ...KEY, at: NOW + 5, from: 'active', to: 'gone' });
    expect(history.lifeOf(KEY)?.generations).toMatchObject([
      { number: 1, until: NOW, end: 'refused' },
      { number: 2, until: NOW + 5, end: 'gone' },
    ]);
  });

  it('takes a token that the platform gave again for the one it is', () => {
    const history = new TokenHistory();
    issue(history, 2);
    history.hear('issue', { ...KEY, at: NOW, outcome: 'unchanged', durationMs: 3, forced: false, requests: 1 });
    expect(history.lifeOf(KEY)?.generations).toEqual([
      { number: 2, from: NOW - HOUR_MS, expiresAt: NOW + 2 * HOUR_MS, cause: 'issue' },
    ]);
  });

  it('learns of what other processes did, and takes no token for two', () => {
    const history = new TokenHistory();
    issue(history, 1);
    const lineage = { cause: 'issue', actor: 'p1', at: NOW, durationMs: 3 };
    // The store numbers the same token otherwise.
    history.see([row(2, { issuedAt: NOW - 5, expiresAt: NOW + 2 * HOUR_MS, lineage })], NOW, history.heard);
    expect(history.lifeOf(KEY)?.generations).toHaveLength(1);
    const later = NOW + HOUR_MS;
    history.see([row(9, { issuedAt: later, lineage: { ...lineage, at: later } })], later, history.heard);
    expect(history.lifeOf(KEY)?.generations).toMatchObject([{ until: later, end: 'renewed' }, { number: 9 }]);
  });

  it('believes no look that is older than the last event', () => {
    const history = new TokenHistory();
    const { heard } = history;
    issue(history, 1);
    history.see([{ ...KEY, state: 'absent' }], NOW, heard);
    expect(history.lifeOf(KEY)?.generations[0]).not.toHaveProperty('end');
  });
});

describe('the picture', () => {
  const subjects = Array.from({ length: 250 }, (_, index) => `corp-${String(index).padStart(3, '0')}`);

  it('shows the first keys of an account with many, those that need attention among them, and counts all', () => {
    const rows = subjects.map((subject, index) =>
      row(1, { subject, state: index === 249 ? 'reauthorize' : index === 240 ? 'waiting' : 'active' }),
    );
    const { lines, tokens, summary } = picture(rows, new TokenHistory());
    expect(lines.map(({ id }) => id)).toEqual([
      'group shop',
      ...[...subjects.slice(0, 10), 'corp-240', 'corp-249'].map((subject) => `shop/access_token/${subject}`),
    ]);
    expect(markup(lines)).toContain('12 of 250 shown');
    expect(markup(tokens)).toContain('238 more of');
    expect(summary.map(({ id }) => id)).toEqual(['active', 'waiting', 'reauthorize']);
    expect(picture(rows, new TokenHistory(), 'shop').lines).toHaveLength(201);
  });

  it('stays small with 200 lines and a long history', () => {
    const history = new TokenHistory();
    const rows = subjects.slice(0, 200).map((subject) => {
      issue(history, 60, { ...KEY, subject });
      return row(60, { subject, issuedAt: NOW, expiresAt: NOW + 2 * HOUR_MS });
    });
    const drawn = markup(picture(rows, history, 'shop').lines);
    expect(countIn(drawn, 'class="bar')).toBe(200 * 20);
    expect(countIn(drawn, '40 earlier tokens')).toBe(200);
  });

  it('is told once: what has not changed is not sent again', () => {
    const history = new TokenHistory();
    const rows = [row(1, { subject: 'a' }), row(1, { subject: 'b' })];
    const telling = new Telling();
    expect(Object.keys(telling.changes(picture(rows, history)))).toContain('lines');
    expect(telling.changes(picture(rows, history))).toEqual({});
    const waiting = rows.map((each) => (each.subject === 'b' ? { ...each, state: 'waiting' as const } : each));
    const { lines } = telling.changes(picture(waiting, history));
    expect(Object.keys(lines?.items ?? {})).toEqual(['group shop', 'shop/access_token/b']);
    expect(lines).not.toHaveProperty('order');
    const { tokens } = telling.changes(picture(waiting.slice(1), history));
    expect(tokens).toEqual({ order: ['shop/access_token/b'] });
  });

  it('escapes whatever platforms and people call things', () => {
    const subject = '"><script>alert(1)</script>';
    const { lines, tokens } = picture([row(1, { subject })], new TokenHistory());
    expect(markup([...lines, ...tokens])).not.toContain('<script>');
  });
});
