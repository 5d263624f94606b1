import { describe, expect, it } from 'vitest';
import { open, startReceiver } from '../receiver.js';
import { HOUR, MINUTE, START, startSandbox } from '../support.js';
import { COMPONENT, componentToken, field, PLATFORM, PUSH_KEYS, post, startPlatform } from './open-platform-support.js';

const SECONDS = START / 1000;

describe('the verify ticket', () => {
  it('is pushed at once to a callback URL, encrypted for the component', async () => {
    const { url, received } = await startReceiver();
    const sandbox = await startPlatform({ callbackUrl: url });
    await sandbox.pushes();
    expect(received).toHaveLength(1);
    expect(received[0] && open(received[0], PUSH_KEYS)).toBeDefined();
    expect(received[0]?.body).toContain(`<AppId><![CDATA[${COMPONENT}]]></AppId>`);
    expect(field(received[0], 'InfoType')).toBe('component_verify_ticket');
    expect(field(received[0], 'AppId')).toBe(COMPONENT);
    expect(field(received[0], 'CreateTime')).toBe(String(SECONDS));
    const ticket = field(received[0], 'ComponentVerifyTicket');
    expect((await componentToken(sandbox, { component_verify_ticket: ticket })).errcode).toBeUndefined();
    expect(sandbox.pushLog()).toEqual([
      {
        at: START,
        platform: 'wechat',
        account: COMPONENT,
        event: 'component_verify_ticket',
        url,
        tries: 1,
        outcome: 'success',
        status: 200,
      },
    ]);
  });

  it('is pushed every ten minutes of the sandbox’s time, the newest only where several were due', async () => {
    const { url, received } = await startReceiver();
    const sandbox = await startPlatform({ callbackUrl: url });
    const times = async () => {
      await sandbox.pushes();
      return received.map((push) => Number(field(push, 'CreateTime')) - SECONDS);
    };
    sandbox.advance(10 * MINUTE - 1);
    expect(await times()).toEqual([0]);
    sandbox.advance(1);
    expect(await times()).toEqual([0, 600]);
    sandbox.advance(25 * MINUTE);
    expect(await times()).toEqual([0, 600, 2100]);
    sandbox.advance(5 * MINUTE);
    expect(await times()).toEqual([0, 600, 2100, 2400]);
    expect(new Set(received.map((push) => field(push, 'ComponentVerifyTicket'))).size).toBe(4);
  });

  it('follows a clock that was handed in', async () => {
    const { url, received } = await startReceiver();
    let now = START;
    const platform = { ...PLATFORM, callbackUrl: url, ticketEveryMs: MINUTE };
    const sandbox = await startSandbox({ clock: { now: () => now }, openPlatforms: [platform] });
    await sandbox.pushes();
    now += MINUTE;
    await sandbox.pushes();
    expect(received).toHaveLength(2);
  });

  it('is pushed when a URL is set, and to another one when that changes', async () => {
    const [first, second] = [await startReceiver(), await startReceiver()];
    const sandbox = await startPlatform();
    await sandbox.pushes();
    sandbox.openPlatform.configure(COMPONENT, { callbackUrl: first.url });
    await sandbox.pushes();
    sandbox.openPlatform.configure(COMPONENT, { callbackUrl: second.url });
    sandbox.advance(10 * MINUTE);
    await sandbox.pushes();
    expect([first.received.length, second.received.length]).toEqual([1, 2]);
    sandbox.openPlatform.configure(COMPONENT, { callbackUrl: undefined });
    sandbox.advance(HOUR);
    await sandbox.pushes();
    expect(second.received).toHaveLength(2);
  });

  it('is not pushed while it is stopped; api_start_push_ticket starts it, and needs no token', async () => {
    const { url, received } = await startReceiver();
    const sandbox = await startPlatform({ callbackUrl: url, ticketsStopped: true });
    sandbox.advance(HOUR);
    await sandbox.pushes();
    expect(received).toEqual([]);
    const start = (fields: object) =>
      post(sandbox, 'api_start_push_ticket', {
        component_appid: COMPONENT,
        component_secret: PLATFORM.secret,
        ...fields,
      });
    expect(await start({ component_secret: undefined, component_appsecret: PLATFORM.secret })).toMatchObject({
      errcode: 41004,
    });
    expect(await start({})).toEqual({ errcode: 0, errmsg: 'ok' });
    await sandbox.pushes();
    expect(received).toHaveLength(1);
    expect(await start({})).toEqual({ errcode: 0, errmsg: 'in a normal state' });
    await sandbox.pushes();
    expect(received).toHaveLength(1);
  });

  it('is pushed by command: anew, twice, out of order, late', async () => {
    const { url, received } = await startReceiver();
    const sandbox = await startPlatform({ callbackUrl: url, ticketEveryMs: 0 });
    await expect(sandbox.openPlatform.pushTicket(COMPONENT, { ticket: 'newest' })).rejects.toThrow('"ticket"');
    await sandbox.openPlatform.pushTicket(COMPONENT);
    sandbox.advance(MINUTE);
    for (const ticket of ['new', 'newest', 'older'] as const)
      await sandbox.openPlatform.pushTicket(COMPONENT, { ticket });
    const [first, second, again, older] = received.map((push) => [
      field(push, 'ComponentVerifyTicket'),
      field(push, 'CreateTime'),
    ]);
    expect(again).toEqual(second);
    expect(older).toEqual(first);
    expect(second?.[1]).toBe(String(SECONDS + 60));
    expect(second?.[0]).not.toBe(first?.[0]);

    await sandbox.openPlatform.pushTicket(COMPONENT, { createTime: SECONDS - 13 * 3600 });
    expect(field(received[4], 'CreateTime')).toBe(String(SECONDS - 13 * 3600));
    const late = field(received[4], 'ComponentVerifyTicket');
    expect((await componentToken(sandbox, { component_verify_ticket: late })).errcode).toBe(61005);
  });

  it('is pushed again as at the start after a reset', async () => {
    const { url, received } = await startReceiver();
    const sandbox = await startPlatform({ callbackUrl: url });
    await sandbox.pushes();
    const ticket = field(received[0], 'ComponentVerifyTicket');
    sandbox.openPlatform.configure(COMPONENT, { callbackUrl: undefined });
    sandbox.reset();
    await sandbox.pushes();
    expect(received).toHaveLength(2);
    expect(sandbox.pushLog()).toHaveLength(1);
    expect((await componentToken(sandbox, { component_verify_ticket: ticket })).errcode).toBe(61006);
  });
});
