import type { AxiosResponse } from 'axios';
import { LONGEST_REFUSAL, parsed, type TokenAnswer } from './token-answer.js';

/** An answer of axios, before it has parsed the body. */
export function axiosAnswer({ status, headers, data }: AxiosResponse): TokenAnswer {
  return {
    status,
    header: (name) => headerOf(headers, name),
    json: async () => {
      const text = await textOf(data);
      return text === undefined ? undefined : parsed(text);
    },
  };
}

function headerOf(headers: AxiosResponse['headers'], name: string): string | undefined {
  const wanted = name.toLowerCase();
  const [, value] = Object.entries(headers).find(([known]) => known.toLowerCase() === wanted) ?? [];
  return value === undefined || value === null ? undefined : String(value);
}

/** Whatever `responseType` has made of it; a stream stays as it is. */
async function textOf(data: unknown): Promise<string | undefined> {
  if (typeof data === 'string') return data.length <= LONGEST_REFUSAL ? data : undefined;
  if (data instanceof Blob) return data.size <= LONGEST_REFUSAL ? data.text() : undefined;
  if (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) {
    const { byteLength } = data;
    return byteLength <= LONGEST_REFUSAL ? new TextDecoder().decode(data as ArrayBuffer) : undefined;
  }
  return undefined;
}
