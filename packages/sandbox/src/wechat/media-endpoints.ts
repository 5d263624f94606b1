import { RawAnswer, tokenEndpoint, type WeChatEndpoint } from './endpoints.js';
import { WeChatError } from './errors.js';
import { formParts } from './multipart.js';

const TYPES: readonly string[] = ['image', 'voice', 'video', 'thumb'];

const upload = tokenEndpoint('/cgi-bin/media/upload', 'POST', (app, { query, headers, bytes }) => {
  const type = query.get('type') ?? '';
  if (!TYPES.includes(type)) throw new WeChatError(40004);
  const part = formParts(headers['content-type'], bytes).find(({ name }) => name === 'media');
  if (part?.fileName === undefined || part.content.length === 0) throw new WeChatError(41005);
  const now = app.now();
  const { fileName, contentType, content } = part;
  return {
    type,
    media_id: app.media.add({ fileName, contentType, content }, now),
    created_at: Math.floor(now / 1000),
  };
});

const download = tokenEndpoint('/cgi-bin/media/get', 'ANY', (app, { query }) => {
  const { fileName, contentType, content } = app.media.get(query.get('media_id'), app.now());
  const headers = {
    'content-type': contentType,
    'content-disposition': `attachment; filename="${encodeURIComponent(fileName)}"`,
  };
  return new RawAnswer({ status: 200, headers, body: content, outcome: 'ok' });
});

export const MEDIA_ENDPOINTS: readonly WeChatEndpoint[] = [upload, download];
