import { LONGEST_REFUSAL, parsed, type TokenAnswer } from './token-answer.js';

/** Where JSON is found, also mislabelled: platforms send it as plain text, and as HTML. */
const PERHAPS_JSON = /^\s*(?:$|application\/(?:[\w.-]+\+)?json|text\/(?:json|plain|html|javascript))\b/i;

/** An answer of `fetch`: a copy of its body is looked at, as far as it can be a refusal. */
export function fetchAnswer(response: Response): TokenAnswer {
  const header = (name: string) => response.headers.get(name) ?? undefined;
  let body: Promise<unknown> | undefined;
  return {
    status: response.status,
    header,
    json: () => {
      body ??= mayBeRefusal(response, header) ? peek(response.clone()) : Promise.resolve(undefined);
      return body;
    },
  };
}

function mayBeRefusal(response: Response, header: (name: string) => string | undefined): boolean {
  const length = Number(header('content-length') ?? 0);
  return response.body !== null && length <= LONGEST_REFUSAL && PERHAPS_JSON.test(header('content-type') ?? '');
}

/** Reads as much as a refusal can be long; nothing after a beginning that is no JSON. */
async function peek(copy: Response): Promise<unknown> {
  const reader = copy.body?.getReader();
  if (!reader) return undefined;
  const decoder = new TextDecoder();
  let text = '';
  try {
    for (let size = 0; ; ) {
      const { done, value } = await reader.read();
      if (done) return parsed(text + decoder.decode());
      size += value.byteLength;
      text += decoder.decode(value, { stream: true });
      if (size > LONGEST_REFUSAL || !/^\s*(?:$|[[{])/.test(text)) break;
    }
  } catch {
    // Whoever reads the answer itself meets the same failure.
    return undefined;
  }
  reader.cancel().catch(() => {});
  return undefined;
}
