import { describe, expect, it } from 'vitest';
import type { Sandbox } from '../../src/index.js';
import { DAY, START, startSandbox } from '../support.js';
import { startWeCom, tokenOf, WECOM } from './support.js';

const BYTES = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7) % 256);

async function upload(sandbox: Sandbox, token: string, { field = 'media', type = 'file' } = {}) {
  const form = new FormData();
  form.set(field, new Blob([BYTES], { type: 'application/pdf' }), '报告.pdf');
  const url = `${sandbox.urls.wecom}/cgi-bin/media/upload?access_token=${token}&type=${type}`;
  return (await (await fetch(url, { method: 'POST', body: form })).json()) as { errcode: number; media_id: string };
}

function download(sandbox: Sandbox, token: string, id: string): Promise<Response> {
  return fetch(`${sandbox.urls.wecom}/cgi-bin/media/get?access_token=${token}&media_id=${id}`);
}

describe('media', () => {
  it('come back to the byte, to every agent of the company and to no other company', async () => {
    const other = { corpId: 'ww2', agents: [{ agentId: 1, secret: 'the other' }] };
    const sandbox = await startWeCom({}, {}, other);
    const answer = await upload(sandbox, await tokenOf(sandbox));
    expect(answer).toMatchObject({ errcode: 0, type: 'file', created_at: String(START / 1000) });
    const contacts = await tokenOf(sandbox, { corpsecret: WECOM.agents[1]?.secret });
    const response = await download(sandbox, contacts, answer.media_id);
    expect(response.headers.get('content-type')).toBe('application/pdf');
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="%E6%8A%A5%E5%91%8A.pdf"');
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(BYTES);
    const stranger = await tokenOf(sandbox, { corpid: 'ww2', corpsecret: 'the other' });
    expect(await (await download(sandbox, stranger, answer.media_id)).json()).toMatchObject({ errcode: 40007 });
    expect(sandbox.state().wecom.corps.map(({ media }) => media)).toEqual([1, 0]);
  });

  it('are kept for three days', async () => {
    const sandbox = await startSandbox();
    const { media_id: id } = await upload(sandbox, await tokenOf(sandbox));
    sandbox.advance(3 * DAY - 1);
    expect((await download(sandbox, await tokenOf(sandbox), id)).headers.get('content-type')).toBe('application/pdf');
    sandbox.advance(1);
    expect(await (await download(sandbox, await tokenOf(sandbox), id)).json()).toMatchObject({ errcode: 40007 });
  });

  it('need a living token, a known type, and a file in the field "media"', async () => {
    const sandbox = await startSandbox();
    const token = await tokenOf(sandbox);
    expect((await upload(sandbox, 'nobody')).errcode).toBe(40014);
    expect((await upload(sandbox, token, { type: 'thumb' })).errcode).toBe(40004);
    expect((await upload(sandbox, token, { field: 'file' })).errcode).toBe(41005);
    expect(await (await download(sandbox, 'nobody', 'x')).json()).toMatchObject({ errcode: 40014 });
  });
});
