import { PROVIDER_SUBJECT } from './account.js';
import { TOKEN_CHARACTERS } from './agent.js';
import type { WeComCorp } from './corp.js';
import { RepeatedValue } from './repeated-value.js';
import type { TokenHolder } from './token-holder.js';

/** A company in its capacity as a provider. */
export class Provider implements TokenHolder {
  readonly lane = 'provider';
  readonly subject = PROVIDER_SUBJECT;
  readonly token = new RepeatedValue(TOKEN_CHARACTERS);
  readonly killedCode = 40082;
  readonly corp: WeComCorp;
  secret: string;

  constructor(corp: WeComCorp, secret: string) {
    this.corp = corp;
    this.secret = secret;
  }

  get account(): string {
    return this.corp.corpId;
  }

  get gate() {
    return this.corp.gate;
  }

  get spender() {
    return this.corp.gate;
  }
}
