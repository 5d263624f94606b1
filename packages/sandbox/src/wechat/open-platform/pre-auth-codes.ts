import { urlSafeValue } from '../../opaque.js';

/** The pre-auth codes of one component: each opens the authorization page once. */
export class PreAuthCodes {
  readonly #codes = new Map<string, number>();

  issue(now: number, lifeSeconds: number): string {
    for (const [code, expiresAt] of this.#codes) if (now >= expiresAt) this.#codes.delete(code);
    const code = `preauthcode@@@${urlSafeValue(64)}`;
    this.#codes.set(code, now + lifeSeconds * 1000);
    return code;
  }

  valid(code: string | null, now: number): code is string {
    return now < (this.#codes.get(code ?? '') ?? Number.NEGATIVE_INFINITY);
  }

  use(code: string): void {
    this.#codes.delete(code);
  }
}
