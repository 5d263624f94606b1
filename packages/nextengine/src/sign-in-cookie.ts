import type { CallbackRequest } from '@evertoken/core';
import type { AppSettings } from './app-settings.js';
import { BINDING_LIFETIME_MS } from './sign-in-binding.js';

/** The cookie that holds the binding between the beginning of a sign-in and its callback. */
export class SignInCookie {
  readonly #name: string;
  readonly #attributes: string;

  constructor({ redirectUri }: Pick<AppSettings, 'redirectUri'>, name: string) {
    // Where nobody says where the browser comes back to, the registered URI counts; only development has one without TLS.
    const secure = !redirectUri?.toLowerCase().startsWith('http:');
    // Nobody but this very host can set it then, not even a neighbour below the same domain (RFC 6265bis §4.1.3.2).
    this.#name = secure ? `__Host-${name}` : name;
    // `Lax`: it has to come along when NextEngine sends the browser back.
    this.#attributes = `; Path=/${secure ? '; Secure' : ''}; HttpOnly; SameSite=Lax`;
  }

  /** What the browser brought; undefined where it brought nothing, or two of that name. */
  in({ headers }: CallbackRequest): string | undefined {
    const found = Object.entries(headers)
      .filter(([header]) => header.toLowerCase() === 'cookie')
      .flatMap(([, value = '']) => value.split(';'))
      .map((pair) => pair.trim())
      .filter((pair) => pair.startsWith(`${this.#name}=`));
    return found.length === 1 ? found[0]?.slice(this.#name.length + 1) : undefined;
  }

  /** `set-cookie` with a new binding. */
  holding(binding: string): string {
    return `${this.#name}=${binding}; Max-Age=${BINDING_LIFETIME_MS / 1000}${this.#attributes}`;
  }

  /** `set-cookie` that takes it away. */
  gone(): string {
    return `${this.#name}=; Max-Age=0${this.#attributes}`;
  }
}
