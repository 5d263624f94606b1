/** The sandbox's control API refuses or does not answer. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError';
  /** HTTP status; undefined where there was no answer. */
  readonly status: number | undefined;

  constructor(message: string, status?: number, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** The control API of a sandbox, in this process or elsewhere. */
export class SandboxControl {
  /** Where the sandbox is, without a slash at the end. */
  readonly url: string;

  constructor(url: string) {
    this.url = url.replace(/\/+$/, '');
  }

  /** Rejects with a `SandboxError`. */
  get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return this.#send(path, signal ? { signal } : {});
  }

  /** Rejects with a `SandboxError`. */
  post<T>(path: string, body: object): Promise<T> {
    return this.#send(path, { method: 'POST', body: JSON.stringify(body) });
  }

  async #send<T>(path: string, init: RequestInit): Promise<T> {
    const response = await fetch(`${this.url}/_sandbox/${path}`, init).catch((cause: unknown) => {
      throw new SandboxError(`the sandbox at ${this.url} does not answer`, undefined, { cause });
    });
    const body = (await response.json()) as T & { readonly error?: string };
    if (response.ok) return body;
    throw new SandboxError(`the sandbox refused ${path}: ${body.error ?? response.status}`, response.status);
  }
}
