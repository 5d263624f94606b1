import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dingTalkApp } from '../src/index.js';
import { failureFrom, fakeTokens, hastyClock } from './support.js';

/** A server of ours that takes and gives files, since what matters here are the bytes on the wire. */
interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body: string | Uint8Array;
}
let server: Server;
let base = '';
let answers: Answer[] = [];
let seen: { method: string | undefined; url: URL; type: string; form: FormData | undefined; body: Buffer }[] = [];

async function take(request: IncomingMessage): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const type = request.headers['content-type'] ?? '';
  const form = type.startsWith('multipart/')
    ? await new Response(body, { headers: { 'content-type': type } }).formData()
    : undefined;
  seen.push({ method: request.method, url: new URL(request.url ?? '', base), type, form, body });
}

beforeAll(async () => {
  server = createServer(async (request, response) => {
    await take(request);
    const {
      status = 200,
      headers = {},
      body,
    } = answers.length > 1 ? (answers.shift() as Answer) : (answers[0] as Answer);
    response.writeHead(status, headers).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  answers = [];
  seen = [];
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

function client(...values: string[]) {
  const options = { baseUrls: { api: base, oapi: base }, clock: hastyClock() };
  return dingTalkApp({ name: 'oa', appKey: 'k', appSecret: 's', ...options }).client(fakeTokens(...values));
}
const OK = { body: JSON.stringify({ errcode: 0, media_id: '@m1' }) };
const DEAD = { body: JSON.stringify({ errcode: 40014 }) };
const bytes = new Uint8Array([0, 1, 2, 250, 255]);

describe('upload', () => {
  it.each([
    ['bytes', { data: bytes, fileName: '图.png', contentType: 'image/png' }],
    ['a blob', { data: new Blob([bytes], { type: 'image/png' }), fileName: '图.png' }],
    ['a file', new File([bytes], '图.png', { type: 'image/png' })],
  ])('sends %s as a form, and again as it was where the token was dead', async (_what, media) => {
    answers = [DEAD, OK];
    const answer = await client('T1', 'T2').oapi.upload('/media/upload', { media, fields: { type: 'image' } });
    expect(answer).toEqual({ errcode: 0, media_id: '@m1' });
    expect(seen.map(({ url }) => url.searchParams.get('access_token'))).toEqual(['T1', 'T2']);
    for (const { method, form } of seen) {
      expect([method, form?.get('type')]).toEqual(['POST', 'image']);
      const file = form?.get('media') as File;
      expect([file.name, file.type]).toEqual(['图.png', 'image/png']);
      expect(new Uint8Array(await file.arrayBuffer())).toEqual(bytes);
    }
  });

  it('names the boundary itself, whatever the caller’s headers say', async () => {
    answers = [OK];
    const headers = { 'Content-Type': 'multipart/form-data', 'x-app': '1' };
    await client('T1').oapi.upload('/media/upload', { media: new File(['x'], 'x.txt'), field: 'file' }, { headers });
    expect(seen[0]?.type).toMatch(/boundary=/);
    expect(seen[0]?.form?.has('file')).toBe(true);
  });

  it.each([[{ data: bytes, fileName: '' }], [{ data: 'text', fileName: 'x' }], [undefined], [new File([], '')]])(
    'refuses what is no file (%#)',
    async (media) => {
      const error = await failureFrom(client('T1').oapi.upload('/media/upload', { media } as never));
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toMatch(/^"media" must be/);
      expect(seen).toEqual([]);
    },
  );
});

describe('download', () => {
  it.each(['api', 'oapi'] as const)('from %s gives bytes, type and name', async (host) => {
    const disposition = `attachment; filename="old.bin"; filename*=UTF-8''%E5%9B%BE.png`;
    answers = [{ body: bytes, headers: { 'content-type': 'image/png', 'content-disposition': disposition } }];
    const file = await client('T1')[host].download('/file', { query: { id: 1 } });
    expect(file).toMatchObject({ contentType: 'image/png', fileName: '图.png' });
    expect(new Uint8Array(file.body)).toEqual(bytes);
    expect(seen[0]?.method).toBe('GET');
  });

  it('tells an error from a file, and replaces a dead token', async () => {
    answers = [DEAD, { body: bytes, headers: { 'content-type': 'image/png' } }];
    expect((await client('T1', 'T2').oapi.download('/file')).body).toHaveLength(5);
    answers = [
      {
        status: 403,
        body: JSON.stringify({ code: 'Forbidden.AccessDenied.IpNotInWhiteList', message: '', requestid: 'R' }),
      },
    ];
    expect(await failureFrom(client('T1').api.download('/file'))).toMatchObject({ reason: 'refused', httpStatus: 403 });
    answers = [{ status: 503, body: 'x' }];
    expect(await failureFrom(client('T1').api.download('/file'))).toMatchObject({ code: 'HTTP_503' });
  });

  it('knows the guard’s page, and a page that is a file', async () => {
    const page = '<!doctype html><html></html>';
    answers = [{ body: page, headers: { 'content-type': 'text/html' } }];
    expect(await failureFrom(client('T1').oapi.download('/file'))).toMatchObject({ reason: 'banned' });
    answers = [{ body: page, headers: { 'content-disposition': 'attachment; filename=page.html' } }];
    expect((await client('T1').oapi.download('/file')).fileName).toBe('page.html');
    answers = [{ body: '{"errcode":40014}', headers: { 'content-disposition': 'attachment; filename=log.json' } }];
    expect((await client('T1').oapi.download('/file')).body).toHaveLength(17);
  });

  it('takes no more than it may', async () => {
    answers = [{ body: new Uint8Array(100_000) }];
    const error = await failureFrom(client('T1').oapi.download('/file', { maxBytes: 99_999 }));
    expect(error).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', reason: 'oversized', retryable: false });
    expect(seen).toHaveLength(1);
    expect((await client('T1').oapi.download('/file', { maxBytes: 100_000 })).body).toHaveLength(100_000);
  });

  it('asks with a body by POST', async () => {
    answers = [{ body: bytes }];
    await client('T1').api.download('/v1.0/file', { body: { downloadCode: 'c' } });
    expect([seen[0]?.method, JSON.parse(String(seen[0]?.body))]).toEqual(['POST', { downloadCode: 'c' }]);
  });

  it.each(['../../etc/passwd', '..\\x', 'a/b/passwd', '..'])('takes no directories from a name (%s)', async (name) => {
    answers = [
      { body: bytes, headers: { 'content-disposition': `attachment; filename="${name.replaceAll('\\', '\\\\')}"` } },
    ];
    const { fileName } = await client('T1').oapi.download('/file');
    expect(fileName ?? '').not.toMatch(/[\\/]|^\.\.$/);
  });
});

describe('a dispatcher', () => {
  it('is what token requests and calls leave through', async () => {
    answers = [{ body: JSON.stringify({ accessToken: 'T1', expireIn: 7200 }) }];
    const real = (globalThis as Record<symbol, unknown>)[Symbol.for('undici.globalDispatcher.1')] as {
      dispatch(...args: unknown[]): boolean;
    };
    const paths: string[] = [];
    const dispatcher = {
      dispatch(options: { readonly path: string }, handler: unknown) {
        paths.push(options.path);
        return real.dispatch(options, handler);
      },
    };
    const baseUrls = { api: base, oapi: base };
    const app = dingTalkApp({ name: 'oa', appKey: 'k', appSecret: 's', baseUrls, dispatcher: dispatcher as never });
    const { issueRequest } = await import('./support.js');
    await app.accessToken.issue(issueRequest(app.fetch as typeof fetch));
    await app.client(fakeTokens('T1')).api.get('/v1.0/x');
    expect(paths).toEqual(['/v1.0/oauth2/accessToken', '/v1.0/x']);
  });
});
