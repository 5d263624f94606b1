import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { callbackRequest, type DingTalkEvent, sendReply } from '../src/index.js';
import { failureFrom } from './support.js';
import { appIn, OA, world } from './world.js';

const there = world();
const keys = { token: 'pushToken1', encodingAESKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG' };

it.each(['appKey', 'corpId'] as const)('takes the app’s own pushes, for its %s, and answers them', async (ownerKey) => {
  const app = appIn(there, { push: [{ token: 'older', encodingAESKey: 'x'.repeat(43) }, keys] });
  const events: DingTalkEvent[] = [];
  const server = createServer(async (request, response) => {
    const push = await app.openPush(await callbackRequest(request));
    if (push.kind === 'event') events.push(push.event);
    sendReply(response, push.kind === 'event' ? push.reply() : push.reply);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  there.sandbox.dingtalk.setCallback(OA.appKey, { url, ...keys, ownerKey });
  const { outcome } = await there.sandbox.dingtalk.checkUrl(OA.appKey);
  expect(events.map(({ EventType }) => EventType)).toEqual(['check_url']);
  // The platform could decrypt the answer, with the pair that it sent with.
  expect(outcome).toBe('success');
  await new Promise((resolve) => server.close(resolve));
});

it('says what is missing where pushes cannot be opened', async () => {
  const request = { method: 'POST', query: {}, headers: {}, body: new Uint8Array() };
  expect(await failureFrom(appIn(there).openPush(request))).toMatchObject({ code: 'ERR_TOKEN_CONFIGURATION' });
});
