import type { Answer } from '../answer.js';
import type { Refusal } from '../platform.js';
import type { NextEngineApp } from './app.js';
import type { NextEngineDirectory } from './directory.js';
import { errorAnswer, successAnswer } from './envelope.js';
import { NextEngineError } from './errors.js';
import type { Admission, Echo, NextEngineGrant } from './grant.js';
import { MODELS } from './models.js';

/** A call of an API that takes a user's tokens. */
export class ApiCall {
  readonly #path: string;
  readonly #fields: URLSearchParams;
  readonly #directory: NextEngineDirectory;

  constructor(path: string, fields: URLSearchParams, directory: NextEngineDirectory) {
    this.#path = path;
    this.#fields = fields;
    this.#directory = directory;
  }

  owner(): { app: NextEngineApp; grant: NextEngineGrant } | undefined {
    return this.#directory.owner(this.#fields.get('access_token'));
  }

  work(): Answer {
    const model = MODELS.get(this.#path);
    if (model === undefined) return this.#failBefore('000001');
    const owner = this.owner();
    const codes = owner === undefined ? [] : platformCodes(owner.app, owner.grant);
    const before = codes.find(isBeforeAuthentication);
    if (before !== undefined) return this.#failBefore(before);
    const answer = this.#admitted((app, grant) => {
      const code = codes[0] ?? mainFunctionCode(app, this.#waits());
      if (code !== undefined) throw new NextEngineError(code);
      return model({ app, grant, fields: this.#fields });
    });
    return owner && codes.length === 0 ? this.#patient(owner.app, answer) : answer;
  }

  /**
   * An error of the main function comes after authentication and so renews an expired pair; one of the platform's own
   * stages, or 999999, comes before, unless the work is asked for.
   */
  refuse({ code, message, work }: Refusal): Answer {
    if (!(work ?? !isBeforeAuthentication(code))) return this.#failBefore(code, message);
    return this.#admitted(() => {
      throw new NextEngineError(code, { message });
    });
  }

  #admitted(run: (app: NextEngineApp, grant: NextEngineGrant) => Record<string, unknown>): Answer {
    const owner = this.owner();
    let admission: Admission | undefined;
    try {
      const { app, grant } = this.#authenticated();
      admission = grant.admit(this.#accessToken() ?? '', this.#refreshToken(), app.now());
      if (admission.renewed) this.#directory.remember(app, grant, admission.echo.pair);
      return successAnswer(run(app, grant), admission, app.settings);
    } catch (error) {
      if (!(error instanceof NextEngineError)) throw error;
      return errorAnswer(error, admission, owner?.app.settings);
    }
  }

  #authenticated(): { app: NextEngineApp; grant: NextEngineGrant } {
    if (this.#accessToken() === undefined) throw new NextEngineError('002001');
    const owner = this.owner();
    if (owner === undefined) throw new NextEngineError('002002', { result: this.#directory.authErrorResult() });
    return owner;
  }

  #failBefore(code: string, message?: string): Answer {
    const owner = this.owner();
    const echo: Echo | undefined = owner?.grant.peek(this.#accessToken() ?? '', this.#refreshToken());
    return errorAnswer(new NextEngineError(code, { message }), echo && { echo, renewed: false }, owner?.app.settings);
  }

  /** An answer that arrives after the wait for the main function, where the call got as far as that. */
  #patient(app: NextEngineApp, answer: Answer): Answer {
    const { overload, overloadWaitMs } = app.settings;
    const reached = answer.outcome === 'ok' || answer.outcome === '003001';
    if (overload !== 'wait' || overloadWaitMs === 0 || !this.#waits() || !reached) return answer;
    return { ...answer, delayMs: overloadWaitMs, hurry: (send) => app.waitForOverload(send) };
  }

  #waits(): boolean {
    return this.#fields.get('wait_flag') === '1';
  }

  #accessToken(): string | undefined {
    return this.#fields.get('access_token') || undefined;
  }

  #refreshToken(): string | undefined {
    return this.#fields.get('refresh_token') || undefined;
  }
}

/** Errors of the platform's own stages, and 999999, come before authentication: such a call renews nothing. */
function isBeforeAuthentication(code: string): boolean {
  return /^(00[012]|999)/.test(code);
}

/** Why the platform serves nobody, or not this company. */
function platformCodes(app: NextEngineApp, { user }: NextEngineGrant): string[] {
  const { maintenance, cancelledCode } = app.settings;
  const codes = [maintenance, app.suspension(user), app.companies.cancelled(user) && cancelledCode];
  return codes.filter((code) => typeof code === 'string');
}

function mainFunctionCode({ settings }: NextEngineApp, waits: boolean): string | undefined {
  const { overload, overloadWaitEnd } = settings;
  if (overload === 'wait' && waits) return overloadWaitEnd === 'run' ? undefined : overloadWaitEnd;
  if (overload === 'wait') return '003002';
  if (overload === '003002') return waits ? '003001' : '003002';
  return overload || undefined;
}
