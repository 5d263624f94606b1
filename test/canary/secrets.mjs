// What must not be seen, and the disguises it is looked for in. A secret is known from where it was planted or first answered.
import { createHash, randomBytes } from 'node:crypto';

/** Shorter pieces are found by chance. */
const SHORTEST = 12;

/** Every secret of a run, by what it is. */
export class Secrets {
  #known = new Map();
  #needles = new Map();

  /** A new secret of random shape; `+`, `/` and `=` look different once they are encoded. */
  plant(what, text = `${randomBytes(9).toString('hex')}+/=${randomBytes(9).toString('base64url')}`) {
    this.learn(what, text);
    return text;
  }

  learn(what, secret) {
    if (typeof secret !== 'string' || secret.length < SHORTEST || this.#known.has(secret)) return;
    this.#known.set(secret, what);
    for (const [how, needle] of disguises(secret)) {
      if (needle.length < SHORTEST) continue;
      const head = needle.slice(0, SHORTEST);
      const same = this.#needles.get(head) ?? [];
      this.#needles.set(head, [...same, { needle, what: `${what}, ${how}` }]);
    }
  }

  /** How many of each kind there are. */
  census() {
    const counts = {};
    for (const what of this.#known.values()) counts[what] = (counts[what] ?? 0) + 1;
    return counts;
  }

  list() {
    return [...this.#known].map(([secret, what]) => ({ secret, what }));
  }

  /** What of it stands in a text, and around which words; the secret itself is not repeated. */
  hits(text) {
    const found = new Map();
    for (let at = 0; at + SHORTEST <= text.length; at++) {
      for (const { needle, what } of this.#needles.get(text.slice(at, at + SHORTEST)) ?? []) {
        if (!found.has(what) && text.startsWith(needle, at))
          found.set(what, `${what}: after "${text.slice(Math.max(0, at - 60), at)}"`);
      }
    }
    return [...found.values()];
  }
}

/** The forms in which a secret could leave: each with its name. */
export function disguises(secret) {
  const bytes = Buffer.from(secret);
  const half = Math.ceil(secret.length / 2);
  const pieces = secret.length >= 2 * SHORTEST ? [secret.slice(0, half), secret.slice(half)] : [secret];
  return [
    ['raw', secret],
    ['percent-encoded', encodeURIComponent(secret)],
    ['as in a form', new URLSearchParams({ a: secret }).toString().slice(2)],
    ['JSON', JSON.stringify(secret).slice(1, -1)],
    ['JSON in JSON', JSON.stringify(JSON.stringify(secret)).slice(3, -3)],
    ['hex', bytes.toString('hex')],
    ['HEX', bytes.toString('hex').toUpperCase()],
    ['SHA-256', createHash('sha256').update(bytes).digest('hex')],
    ...within(bytes, 'base64'),
    ...within(bytes, 'base64url'),
    ...pieces.flatMap((piece) => [
      ['a half', piece],
      ['a half, percent-encoded', encodeURIComponent(piece)],
      ['a half, reversed', [...piece].reverse().join('')],
    ]),
  ];
}

/** As it looks inside of something longer that is encoded: without the characters that its neighbours change. */
function within(bytes, encoding) {
  return [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString(encoding)
      .replace(/=+$/, '');
    const whole = Math.floor(((offset + bytes.length) * 8) / 6);
    return [`${encoding} at ${offset}`, text.slice(offset === 0 ? 0 : offset + 1, whole)];
  });
}
