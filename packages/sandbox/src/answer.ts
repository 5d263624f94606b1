/** One HTTP answer of a simulated platform, before it is sent. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  /** What the call log says about it: `ok` or the platform's code. */
  readonly outcome: string;
  /** Real milliseconds the platform keeps the caller waiting after the work is done. */
  readonly delayMs?: number;
  /** Takes what sends a delayed answer at once, for when there is nothing left to wait for. */
  readonly hurry?: (send: () => void) => void;
  /** The work is done, and the answer never arrives. */
  readonly lost?: boolean;
}

export interface JsonAnswerOptions {
  readonly outcome?: string;
  readonly status?: number;
  readonly contentType?: string;
}

export function jsonAnswer(body: unknown, options: JsonAnswerOptions = {}): Answer {
  return {
    status: options.status ?? 200,
    headers: { 'content-type': options.contentType ?? 'application/json;charset=UTF-8' },
    body: JSON.stringify(body),
    outcome: options.outcome ?? 'ok',
  };
}

export function htmlAnswer(status: number, outcome: string, title: string, content: string): Answer {
  const body = `<!doctype html><html><head><meta charset="utf-8"><link rel="icon" href="data:,"><title>${escapeHtml(title)}</title></head><body>${content}</body></html>`;
  return { status, headers: { 'content-type': 'text/html; charset=utf-8' }, body, outcome };
}

export function redirectAnswer(location: string): Answer {
  return { status: 302, headers: { location }, body: '', outcome: 'ok' };
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
