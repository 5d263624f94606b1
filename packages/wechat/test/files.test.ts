import { openAsBlob } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { officialAccount, WeChatError } from '../src/index.js';
import { type Answer, countingTokens, failureOf, hastyClock } from './support.js';

const DEAD = { errcode: 42001, errmsg: 'access_token expired' };
const STORED = { type: 'image', media_id: 'M1', created_at: 1 };
const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 255]);

interface Sent {
  readonly url: URL;
  readonly method: string;
  readonly contentType: string | null;
  readonly bytes: Buffer;
}

/** A client over a `fetch` that keeps the bytes of what it is given, as the network would see them. */
function client(...answers: (Answer | (() => Response))[]) {
  const seen: Sent[] = [];
  const tokens = countingTokens();
  const shop = officialAccount({
    name: 'shop',
    appId: 'wx1',
    secret: 's',
    clock: hastyClock(),
    random: () => 0,
    async fetch(input, init) {
      const request = new Request(input as string, { ...init, duplex: 'half' } as RequestInit);
      const bytes = Buffer.from(await request.arrayBuffer());
      const { url, method, headers } = request;
      seen.push({ url: new URL(url), method, contentType: headers.get('content-type'), bytes });
      const answer = answers[Math.min(seen.length, answers.length) - 1];
      if (typeof answer === 'function') return answer();
      if (answer instanceof Error) throw answer;
      return answer instanceof Response ? answer.clone() : Response.json(answer);
    },
  });
  return { api: shop.client(tokens), seen, tokens };
}

const file = (headers: Record<string, string> = {}, body: Uint8Array<ArrayBuffer> | string = PNG) =>
  new Response(body, { headers });

describe('upload', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evertoken-'));
    await writeFile(join(folder, 'big.bin'), Buffer.alloc(300_000, 7));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('sends a form with the file, its name and type, and further fields', async () => {
    const { api, seen } = client(STORED);
    const media = { data: PNG, fileName: '图 1.png', contentType: 'image/png' };
    const fields = { description: '{"title":"t"}' };
    expect(await api.upload('/cgi-bin/media/upload', { media, fields }, { params: { type: 'image' } })).toEqual(STORED);
    const [{ url, method, contentType, bytes }] = seen as [Sent];
    expect([url.pathname, url.searchParams.get('type'), url.searchParams.get('access_token')]).toEqual([
      '/cgi-bin/media/upload',
      'image',
      'stable_access_token-1',
    ]);
    expect(method).toBe('POST');
    const form = await new Response(bytes, { headers: { 'content-type': contentType ?? '' } }).formData();
    const sent = form.get('media') as File;
    expect([sent.name, sent.type, form.get('description')]).toEqual(['图 1.png', 'image/png', fields.description]);
    expect(Buffer.from(await sent.arrayBuffer())).toEqual(Buffer.from(PNG));
  });

  it.each([
    ['a File', () => new File([PNG], 'a.png')],
    [
      'a blob of a file that lies on the disk',
      async () => ({ data: await openAsBlob(join(folder, 'big.bin')), fileName: 'a.png' }),
    ],
  ])('takes %s, and sends it again whole after a dead token', async (_, make) => {
    const { api, seen, tokens } = client(DEAD, STORED);
    const media = await make();
    expect(await api.upload('/x', { media, field: 'buffer' })).toEqual(STORED);
    expect(tokens.rejections).toHaveLength(1);
    const parts = await Promise.all(
      seen.map(async ({ bytes, contentType }) => {
        const form = await new Response(bytes, { headers: { 'content-type': contentType ?? '' } }).formData();
        return Buffer.from(await (form.get('buffer') as File).arrayBuffer());
      }),
    );
    expect(parts[0]?.length).toBeGreaterThan(0);
    expect(parts[1]).toEqual(parts[0]);
  });

  it('is not repeated where the answer was lost', async () => {
    const { api, seen } = client(new TypeError('fetch failed'), STORED);
    expect(await failureOf(api.upload('/x', { media: new File([PNG], 'a.png') }))).toMatchObject({
      code: 'ERR_TOKEN_TRANSPORT',
    });
    expect(seen).toHaveLength(1);
  });

  it.each([{ data: PNG }, { data: PNG, fileName: '' }, { data: 'text', fileName: 'a' }, undefined])(
    'refuses %j, a file without name or content',
    async (media) => {
      const { api, seen } = client(STORED);
      expect(await failureOf(api.upload('/x', { media: media as never }))).toBeInstanceOf(TypeError);
      expect(seen).toEqual([]);
    },
  );
});

describe('download', () => {
  const path = '/cgi-bin/media/get';

  it('gives the bytes, their type and name', async () => {
    const { api, seen } = client(
      file({ 'content-type': 'image/png', 'content-disposition': 'attachment; filename="a.png"' }),
    );
    const got = await api.download(path, { media_id: 'M1' });
    expect({ ...got, body: Buffer.from(got.body) }).toEqual({
      body: Buffer.from(PNG),
      contentType: 'image/png',
      fileName: 'a.png',
    });
    expect([seen[0]?.method, seen[0]?.url.searchParams.get('media_id')]).toEqual(['GET', 'M1']);
  });

  it('posts where there is a body', async () => {
    const { api, seen } = client(file());
    await api.download('/wxa/getwxacodeunlimit', undefined, { body: { scene: 'a' } });
    expect([seen[0]?.method, seen[0]?.bytes.toString(), seen[0]?.contentType]).toEqual([
      'POST',
      '{"scene":"a"}',
      'application/json',
    ]);
  });

  it.each([
    ['typed as JSON', { 'content-type': 'application/json' }],
    ['typed as the file it is not', { 'content-type': 'image/png' }],
    ['of no type', {}],
  ])('refreshes a token once on an error %s', async (_, headers) => {
    const { api, seen, tokens } = client(
      () => file(headers as Record<string, string>, JSON.stringify(DEAD)),
      () => file(),
    );
    expect(Buffer.from((await api.download(path)).body)).toEqual(Buffer.from(PNG));
    expect([seen.length, tokens.rejections.length]).toEqual([2, 1]);
  });

  it('rejects with the platform’s code', async () => {
    const { api } = client({ errcode: 40007, errmsg: 'invalid media_id' });
    const error = await failureOf(api.download(path));
    expect(error).toBeInstanceOf(WeChatError);
    expect(error).toMatchObject({ errcode: 40007, path });
  });

  it('takes JSON for a file where it has a file’s name, or says nothing of an error', async () => {
    const disposition = { 'content-disposition': 'attachment; filename="a.json"' };
    const { api } = client(() => file(disposition, JSON.stringify(DEAD)));
    expect(Buffer.from((await api.download(path)).body).toString()).toBe(JSON.stringify(DEAD));
    const { api: video } = client({ video_url: 'https://v.example/1' });
    expect(Buffer.from((await video.download(path)).body).toString()).toContain('video_url');
  });

  it('does not take the page of something in between for a file', async () => {
    const page = () => file({ 'content-type': 'text/html; charset=utf-8' }, '<html>Sign in to the network</html>');
    const { api } = client(page);
    expect(await failureOf(api.download(path))).toMatchObject({ code: 'ERR_TOKEN_TRANSPORT', reason: 'malformed' });
  });

  it('reads no more than it may, and does not try again', async () => {
    let pulled = 0;
    const endless = () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            pulled++;
            controller.enqueue(new Uint8Array(1000));
          },
        }),
      );
    const { api, seen } = client(endless);
    expect(await failureOf(api.download(path, {}, { maxBytes: 5000 }))).toMatchObject({
      code: 'ERR_TOKEN_TRANSPORT',
      reason: 'oversized',
      retryable: false,
    });
    expect(seen).toHaveLength(1);
    expect(pulled).toBeLessThan(20);
  });

  it('takes a file of just that size', async () => {
    const { api } = client(file());
    expect((await api.download(path, {}, { maxBytes: PNG.length })).body).toHaveLength(PNG.length);
  });

  it('is asked for again where a gateway failed', async () => {
    const { api, seen } = client(
      () => new Response('<html>', { status: 502 }),
      () => file(),
    );
    expect((await api.download(path)).body).toHaveLength(PNG.length);
    expect(seen).toHaveLength(2);
  });

  it.each([
    ['attachment; filename="../../etc/passwd"', 'passwd'],
    ['attachment; filename="C:\\\\dir\\\\a.txt"', 'a.txt'],
    ["attachment; filename=x.txt; filename*=UTF-8''%E5%9B%BE.png", '图.png'],
    ['attachment; filename=a.mp3; size=3', 'a.mp3'],
    [`attachment; filename="${Buffer.from('图.png').toString('latin1')}"`, '图.png'],
    ['attachment; filename=".."', undefined],
    ['attachment', undefined],
  ])('reads %s as the name %s', async (disposition, name) => {
    const { api } = client(() => file({ 'content-disposition': disposition }));
    expect((await api.download(path)).fileName).toBe(name);
  });
});
