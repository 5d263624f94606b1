import { urlSafeValue } from '../opaque.js';
import { formParts } from '../wechat/multipart.js';
import { corpEndpoint, OK, type WeComEndpoint, WeComFile } from './endpoints.js';
import { WeComError } from './errors.js';

const TYPES: readonly string[] = ['image', 'voice', 'video', 'file'];

/** How long an upload can be fetched: three days. */
const LIFE_MS = 3 * 86_400_000;

const upload = corpEndpoint('/cgi-bin/media/upload', 'POST', ({ corp }, { query, headers, bytes }) => {
  const type = query.get('type') ?? '';
  if (!TYPES.includes(type)) throw new WeComError(40004);
  const part = formParts(headers['content-type'], bytes).find(({ name }) => name === 'media');
  if (part?.fileName === undefined || part.content.length === 0) throw new WeComError(41005);
  const now = corp.gate.now();
  const { fileName, contentType, content } = part;
  const id = urlSafeValue(64);
  corp.media.set(id, { fileName, contentType, content, endsAt: now + LIFE_MS });
  // A text here, where the other platform sends a number.
  return { ...OK, type, media_id: id, created_at: String(Math.floor(now / 1000)) };
});

const download = corpEndpoint('/cgi-bin/media/get', 'ANY', ({ corp }, { query }) => {
  const media = corp.media.get(query.get('media_id') ?? '');
  if (media === undefined || corp.gate.now() >= media.endsAt) throw new WeComError(40007);
  return new WeComFile(media.content, {
    'content-type': media.contentType,
    'content-disposition': `attachment; filename="${encodeURIComponent(media.fileName)}"`,
  });
});

export const MEDIA_ENDPOINTS: readonly WeComEndpoint[] = [upload, download];
