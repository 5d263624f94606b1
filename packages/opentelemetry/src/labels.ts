import type { Attributes } from '@opentelemetry/api';
import { ATTRIBUTES } from './attributes.js';
import { boundedCode } from './platform-codes.js';

/** Which key something is about, as far as telemetry may say so. */
export interface KeyNames {
  readonly account: string;
  readonly platform: string;
  readonly kind: string;
}

/** The attributes of one observation. */
export class Labels {
  /** What stands in all of it. */
  readonly common: Attributes;
  /** What an account is called there. */
  readonly accountOf: (account: string) => string;
  readonly #codes = new Map<string, Set<string>>();

  constructor(name: string | undefined, accountOf: (account: string) => string = (account) => account) {
    this.common = name === undefined ? {} : { [ATTRIBUTES.manager]: name };
    this.accountOf = accountOf;
  }

  /** Account, platform and kind: never the subject, which is personal data and has as many values as there are users. */
  key({ account, platform, kind }: KeyNames): Attributes {
    return {
      ...this.common,
      [ATTRIBUTES.account]: this.accountOf(account),
      [ATTRIBUTES.platform]: platform,
      [ATTRIBUTES.kind]: kind,
    };
  }

  /** What an error says of itself; nothing where there is none. */
  error({
    account,
    code,
    platformCode,
  }: {
    readonly account: string;
    readonly code?: string;
    readonly platformCode?: string;
  }): Attributes {
    return {
      ...(code !== undefined && { [ATTRIBUTES.errorType]: code }),
      ...(platformCode !== undefined && {
        [ATTRIBUTES.platformCode]: boundedCode(this.#codes, this.accountOf(account), platformCode),
      }),
    };
  }
}
