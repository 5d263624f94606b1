import { describe, expect, it } from 'vitest';
import type { Sandbox } from '../../src/index.js';
import { formParts } from '../../src/wechat/multipart.js';
import { DAY, startSandbox } from '../support.js';
import { stable } from './support.js';

const BYTES = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7) % 256);

async function start() {
  const sandbox = await startSandbox();
  return { sandbox, token: (await stable(sandbox)).access_token };
}

async function upload(sandbox: Sandbox, token: string, form: FormData, type = 'image') {
  const url = `${sandbox.urls.wechat}/cgi-bin/media/upload?access_token=${token}&type=${type}`;
  return (await (await fetch(url, { method: 'POST', body: form })).json()) as { errcode?: number; media_id: string };
}

function formOf(name = 'media', fileName = 'a photo.png'): FormData {
  const form = new FormData();
  form.set('description', 'first');
  form.set(name, new Blob([BYTES], { type: 'image/png' }), fileName);
  return form;
}

function download(sandbox: Sandbox, token: string, id: string): Promise<Response> {
  return fetch(`${sandbox.urls.wechat}/cgi-bin/media/get?access_token=${token}&media_id=${id}`);
}

describe('media', () => {
  it('come back to the byte, with their type and name', async () => {
    const { sandbox, token } = await start();
    const answer = await upload(sandbox, token, formOf());
    expect(answer).toEqual({ type: 'image', media_id: expect.any(String), created_at: sandbox.now() / 1000 });
    const response = await download(sandbox, token, answer.media_id);
    expect(response.headers.get('content-type')).toBe('image/png');
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="a%20photo.png"');
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(BYTES);
    expect(sandbox.state().wechat[0]?.media).toBe(1);
  });

  it('are kept for three days; unknown ones get 40007 as JSON', async () => {
    const { sandbox, token } = await start();
    const { media_id: id } = await upload(sandbox, token, formOf());
    sandbox.advance(3 * DAY);
    const fresh = (await stable(sandbox)).access_token;
    for (const each of [id, 'nothing'])
      expect(await (await download(sandbox, fresh, each)).json()).toMatchObject({ errcode: 40007 });
  });

  it('need a known type and a file in the field "media"', async () => {
    const { sandbox, token } = await start();
    expect((await upload(sandbox, token, formOf(), 'text')).errcode).toBe(40004);
    expect((await upload(sandbox, token, formOf('file'))).errcode).toBe(41005);
    const url = `${sandbox.urls.wechat}/cgi-bin/media/upload?access_token=${token}&type=image`;
    expect(await (await fetch(url, { method: 'POST', body: '{}' })).json()).toMatchObject({ errcode: 41005 });
  });

  it('are cut in half by the fault for that', async () => {
    const { sandbox, token } = await start();
    const { media_id: id } = await upload(sandbox, token, formOf());
    sandbox.fault({ kind: 'malformed', endpoint: '/cgi-bin/media/get' });
    expect(await (await download(sandbox, token, id)).arrayBuffer()).toHaveProperty('byteLength', 2500);
  });
});

describe('a multipart body', () => {
  it('is split at its boundary, quoted or not, binary or not', () => {
    const body = Buffer.from(
      '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x\r\nContent-Disposition: form-data; name="b"; filename="f"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\r\n\r\n--x--\r\n',
    );
    for (const boundary of ['x', '"x"']) {
      const parts = formParts(`multipart/form-data; boundary=${boundary}`, body);
      expect(
        parts.map(({ name, fileName, contentType, content }) => [name, fileName, contentType, content.toString()]),
      ).toEqual([
        ['a', undefined, 'application/octet-stream', '1'],
        ['b', 'f', 'text/plain; charset=utf-8', '\r\n'],
      ]);
    }
    expect(formParts('application/json', body)).toEqual([]);
    expect(formParts(undefined, body)).toEqual([]);
  });
});
