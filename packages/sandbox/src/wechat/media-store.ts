import { urlSafeValue } from '../opaque.js';
import { WeChatError } from './errors.js';

/** How long an upload can be fetched: three days. */
const LIFE_MS = 3 * 86_400_000;

/** One uploaded file. */
export interface Media {
  readonly fileName: string;
  readonly contentType: string;
  readonly content: Buffer;
}

/** What was uploaded to one account. */
export class MediaStore {
  readonly #media = new Map<string, Media & { readonly expiresAt: number }>();

  get size(): number {
    return this.#media.size;
  }

  add(media: Media, now: number): string {
    const id = urlSafeValue(64);
    this.#media.set(id, { ...media, expiresAt: now + LIFE_MS });
    return id;
  }

  /** Throws 40007 for an id that is not there, or no longer. */
  get(id: string | null, now: number): Media {
    const media = this.#media.get(id ?? '');
    if (media === undefined || now >= media.expiresAt) throw new WeChatError(40007);
    return media;
  }
}
