import type { Answer } from '../answer.js';
import type { Refusal } from '../platform.js';
import type { NextEngineApp, NextEngineDirectory } from './app.js';
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
    const settings = this.owner()?.app.settings;
    if (settings?.maintenance === '002007') return this.#failBefore('002007');
    if (settings?.suspended === '002003') return this.#failBefore('002003');
    return this.#admitted((app, grant) => {
      const code = mainFunctionCode(app, this.#fields);
      if (code !== undefined) throw new NextEngineError(code);
      return model({ app, grant, fields: this.#fields });
    });
  }

  /**
   * An error of the main function comes after authentication and so renews an expired pair; one of the platform's own
   * stages, or 999999, comes before, unless the work is asked for.
   */
  refuse({ code, message, work }: Refusal): Answer {
    if (!(work ?? !/^(00[012]|999)/.test(code))) return this.#failBefore(code, message);
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
      return successAnswer(run(app, grant), admission, app.settings, this.#waits(app));
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

  #waits(app: NextEngineApp): number {
    return app.settings.overload === 'wait' && this.#fields.get('wait_flag') === '1' ? app.settings.overloadWaitMs : 0;
  }

  #accessToken(): string | undefined {
    return this.#fields.get('access_token') || undefined;
  }

  #refreshToken(): string | undefined {
    return this.#fields.get('refresh_token') || undefined;
  }
}

/** What is wrong with the main function, by the switches: suspended, in maintenance, overloaded. */
function mainFunctionCode({ settings }: NextEngineApp, fields: URLSearchParams): string | undefined {
  if (settings.suspended) return settings.suspended;
  if (settings.maintenance) return settings.maintenance;
  const waits = fields.get('wait_flag') === '1';
  if (settings.overload === 'wait') return waits ? undefined : '003002';
  if (settings.overload === '003002') return waits ? '003001' : '003002';
  return settings.overload || undefined;
}
