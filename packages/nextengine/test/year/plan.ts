export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Midnight in Japan, 1 January 2026, a Thursday. */
export const START = Date.UTC(2025, 11, 31, 15);

/** What happens at one moment of the year. */
export type Happening = { readonly at: number } & (
  | { readonly kind: 'call'; readonly user: number }
  | { readonly kind: 'restart'; readonly how: 'close' | 'abandon' | 'midSweep'; readonly requests: number }
  | { readonly kind: 'maintenance'; readonly code: false | '002007' | '003005' }
  | { readonly kind: 'overload'; readonly code: false | '003001' | '003002' }
  | { readonly kind: 'outage'; readonly lastsMs: number; readonly midSweep: boolean }
  | { readonly kind: 'trouble'; readonly fault: 'status' | 'html' | '000001' | '999999'; readonly count: number }
);

/** Numbers between 0 and 1, the same from the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** First and last day, counted from 0, of the holidays without any business: New Year, Golden Week, Obon, year's end. */
const HOLIDAYS = [
  [0, 3],
  [118, 125],
  [223, 227],
  [362, 364],
] as const;

/** Nobody works on weekends and holidays. */
export function isWorkday(day: number): boolean {
  const weekday = (4 + day) % 7;
  return weekday !== 0 && weekday !== 6 && !HOLIDAYS.some(([first, last]) => day >= first && day <= last);
}

/** The happenings of so many days, in order, all from one seed. */
export function planYear(
  seed: number,
  { users, days }: { readonly users: number; readonly days: number },
): Happening[] {
  const random = seeded(seed);
  const whole = (below: number) => Math.floor(random() * below);
  const sometime = () => START + DAY_MS + random() * (days - 3) * DAY_MS;
  const pick = <Value>(values: readonly Value[]) => values[whole(values.length)] as Value;
  const times = (perYear: number) => Array.from({ length: Math.ceil((perYear * days) / 365) });
  const plan: Happening[] = [];

  for (let day = 1; day < days; day++) {
    for (let user = 0; user < users && isWorkday(day); user++) {
      // Between 9 and 18 o'clock in Japan, every eighth day.
      const at = START + day * DAY_MS + (9 + 9 * random()) * HOUR_MS;
      if (random() < 1 / 8) plan.push({ at, kind: 'call', user });
    }
  }
  for (const _ of times(60)) {
    const how = pick(['close', 'abandon', 'midSweep'] as const);
    plan.push({ at: sometime(), kind: 'restart', how, requests: whole(2) });
  }
  for (const _ of times(40)) {
    const at = sometime();
    plan.push({ at, kind: 'overload', code: pick(['003001', '003002'] as const) });
    plan.push({ at: at + (1 + 2 * random()) * HOUR_MS, kind: 'overload', code: false });
  }
  for (const _ of times(40)) {
    const fault = pick(['status', 'html', '000001', '999999'] as const);
    plan.push({ at: sometime(), kind: 'trouble', fault, count: 1 + whole(5) });
  }
  for (const _ of times(4)) {
    const at = sometime();
    const lastsMs = (1 + 3 * random()) * HOUR_MS;
    plan.push({ at, kind: 'outage', lastsMs, midSweep: random() < 0.5 });
    // Much is due at once after it: the moment to die in.
    plan.push({ at: at + lastsMs + 1, kind: 'restart', how: 'midSweep', requests: whole(2) });
  }
  // 30 hours, the platform itself first: nothing can be renewed until the main function alone is down.
  const down = START + (days / 2 + 10 * random()) * DAY_MS;
  plan.push({ at: down, kind: 'maintenance', code: '002007' });
  plan.push({ at: down + 25 * HOUR_MS, kind: 'restart', how: 'midSweep', requests: 2 });
  plan.push({ at: down + 26 * HOUR_MS, kind: 'maintenance', code: '003005' });
  plan.push({ at: down + 30 * HOUR_MS, kind: 'maintenance', code: false });
  return plan.sort((a, b) => a.at - b.at);
}
