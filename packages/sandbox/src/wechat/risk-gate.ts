import { WeChatError } from './errors.js';

const HOUR_MS = 3_600_000;

interface Asked {
  answer: 'pending' | 'confirmed' | 'refused';
  refusals: number;
  refusedUntil: number;
}

/** What the platform does about callers it does not know: it asks the account's administrator. */
export class RiskGate {
  readonly #asked = new Map<string, Asked>();

  /** 89503 when the administrator is asked, 89501 while there is no answer, 89507 and 89506 after one and two refusals. */
  check(ip: string, now: number): void {
    const known = this.#asked.get(ip);
    if (known?.answer === 'confirmed') return;
    if (known?.answer === 'pending') throw new WeChatError(89501);
    if (known && now < known.refusedUntil) throw new WeChatError(known.refusals > 1 ? 89506 : 89507);
    this.#asked.set(ip, { answer: 'pending', refusals: known?.refusals ?? 0, refusedUntil: 0 });
    throw new WeChatError(89503);
  }

  /** The administrator's answer to everything that was asked. Throws a `TypeError` where nothing was. */
  answer(answer: 'confirmed' | 'refused', now: number): void {
    const pending = [...this.#asked.values()].filter((asked) => asked.answer === 'pending');
    if (pending.length === 0) throw new TypeError('"appId" is an account whose administrator was not asked');
    for (const asked of pending) {
      asked.answer = answer;
      if (answer === 'confirmed') continue;
      asked.refusals += 1;
      asked.refusedUntil = now + (asked.refusals > 1 ? 24 : 1) * HOUR_MS;
    }
  }

  state(): Readonly<Record<string, 'pending' | 'confirmed' | 'refused'>> {
    return Object.fromEntries([...this.#asked].map(([ip, { answer }]) => [ip, answer]));
  }
}
