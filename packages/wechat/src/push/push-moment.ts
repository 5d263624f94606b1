/** A time of a push, Unix seconds as text, in ms; undefined for anything else. */
export function momentOf(seconds: string | undefined): number | undefined {
  return seconds !== undefined && /^\d{1,11}$/.test(seconds) ? Number(seconds) * 1000 : undefined;
}
