import type { TokenManager } from '@evertoken/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PushHandler, WeComPushContext } from '../../src/wecom.js';
import { AGENT, CORP, OTHER, PUSH, SECRETS, World } from './world.js';

const HR = 1000003;
const CRM_PUSH = { token: 'crmToken', encodingAESKey: 'crmCRMcrmCRMcrmCRMcrmCRMcrmCRMcrmCRMcrmCRMc' };
const HR_PUSH = { token: 'hrToken', encodingAESKey: 'hrHRhrHRhrHRhrHRhrHRhrHRhrHRhrHRhrHRhrHRhrH' };
const HELLO = { MsgType: 'text', Content: 'hello', FromUserName: 'lisi', MsgId: '1' };

let world: World;
/** Who was told, in order: `<handler> <agent> <content>`. */
let told: string[];

beforeEach(async () => {
  world = await World.open();
  told = [];
});
afterEach(() => world.close());

function teller(name: string): PushHandler<WeComPushContext> {
  return ({ message }, { agent }) => {
    told.push(`${name} ${agent?.name} ${message['Content'] ?? message['Event']}`);
    return `thanks, says ${name}`;
  };
}

/** The sandbox sends with these keys to this URL; resolves with the last push. */
async function push(about: number | string | undefined, fields: object = HELLO) {
  world.sandbox.wecom.push(CORP, fields as never, about);
  await world.sandbox.pushes();
  return world.sandbox.pushLog().at(-1);
}

type Corp = ReturnType<World['corp']>;

const ownKeys = () =>
  world.corp({
    agents: {
      crm: { agentId: AGENT, secret: SECRETS.crm, push: CRM_PUSH, onPush: teller('crm') },
      hr: { agentId: HR, secret: SECRETS.hr, push: HR_PUSH },
      contacts: { secret: SECRETS.contacts },
    },
    push: PUSH,
    onPush: teller('corp'),
  });

async function serve(corp: Corp, callback: (manager: TokenManager) => ReturnType<Corp['callback']>) {
  const manager = world.manager(corp);
  const url = await world.listen({ ...corp, callback }, manager);
  return (keys: { token: string; encodingAESKey: string }) =>
    world.sandbox.wecom.setCallback(CORP, { url, ...keys } as never);
}

describe('a corp’s callback', () => {
  it('verifies the address for the corp and each of its agents, and for no other', async () => {
    const corp = ownKeys();
    const sendWith = await serve(corp, (manager) => corp.callback(manager));
    for (const keys of [PUSH, CRM_PUSH, HR_PUSH]) {
      sendWith(keys);
      expect(await world.sandbox.wecom.verifyUrl(CORP)).toMatchObject({ outcome: 'verified' });
    }
    expect(await world.sandbox.wecom.verifyUrl(CORP, { receiveId: OTHER })).toMatchObject({ status: 403 });
    sendWith({ ...CRM_PUSH, token: 'stolenToken' });
    expect(await world.sandbox.wecom.verifyUrl(CORP)).toMatchObject({ status: 403 });
    expect(told).toEqual([]);
  });

  it('finds the agent by its keys and its number, and answers for it', async () => {
    const corp = ownKeys();
    const sendWith = await serve(corp, (manager) => corp.callback(manager));
    sendWith(CRM_PUSH);
    expect(await push(AGENT)).toMatchObject({ outcome: 'reply', tries: 1 });
    sendWith(HR_PUSH);
    const { reply = '' } = (await push(HR)) ?? {};
    expect(reply).toContain('<Content><![CDATA[thanks, says corp]]></Content>');
    expect(reply).toContain(`<FromUserName><![CDATA[${CORP}]]></FromUserName>`);
    expect(reply).toContain('<ToUserName><![CDATA[lisi]]></ToUserName>');
    expect(told).toEqual(['crm crm hello', 'corp hr hello']);
  });

  it('refuses what one agent’s keys sign for another, and the corp’s for one that has its own', async () => {
    const corp = ownKeys();
    const sendWith = await serve(corp, (manager) => corp.callback(manager));
    sendWith(CRM_PUSH);
    expect(await push(HR)).toMatchObject({ outcome: 'status', status: 403 });
    expect(await push(1000099)).toMatchObject({ status: 403 });
    sendWith(PUSH);
    expect(await push(AGENT)).toMatchObject({ status: 403 });
    expect(told).toEqual([]);
  });

  it('takes by the corp’s keys what is for agents without their own, for others and for none', async () => {
    const corp = ownKeys();
    const sendWith = await serve(corp, (manager) => corp.callback(manager));
    sendWith(PUSH);
    expect(await push(1000099)).toMatchObject({ outcome: 'reply' });
    expect(await push(undefined, { MsgType: 'event', Event: 'change_contact' })).toMatchObject({ outcome: 'reply' });
    corp.addAgent('late', { agentId: 1000099, secret: 'late-secret', onPush: teller('late') });
    expect(await push(1000099, { ...HELLO, MsgId: '2' })).toMatchObject({ outcome: 'reply' });
    expect(told).toEqual(['corp undefined hello', 'corp undefined change_contact', 'late late hello']);
  });

  it('tells who made the callback instead, where that one wants to be told', async () => {
    const corp = ownKeys();
    const ofCorp = await serve(corp, (manager) => corp.callback(manager, { onPush: teller('service') }));
    ofCorp(CRM_PUSH);
    await push(AGENT);
    const crm = corp.agent('crm');
    const ofAgent = await serve(corp, (manager) => crm.callback(manager, { onPush: teller('another') }));
    ofAgent(CRM_PUSH);
    await push(AGENT);
    ofAgent(HR_PUSH);
    expect(await push(HR)).toMatchObject({ status: 403 });
    expect(told).toEqual(['service crm hello', 'another crm hello']);
  });

  it('gives the handler a client of the agent’s', async () => {
    const answers: unknown[] = [];
    const corp = world.corp({
      push: PUSH,
      onPush: async (_, { client }) => {
        answers.push(await client?.get('/cgi-bin/agent/get', { agentid: AGENT }));
      },
    });
    const sendWith = await serve(corp, (manager) => corp.callback(manager));
    sendWith(PUSH);
    expect(await push(AGENT)).toMatchObject({ outcome: 'empty' });
    expect(answers).toMatchObject([{ agentid: AGENT }]);
  });

  it('hands on once what comes again, to each agent', async () => {
    const corp = world.corp({ push: PUSH, onPush: teller('corp') });
    const sendWith = await serve(corp, (manager) => corp.callback(manager));
    sendWith(PUSH);
    for (const about of [AGENT, AGENT, HR]) expect(await push(about)).toMatchObject({ outcome: 'reply' });
    expect(told).toEqual(['corp crm hello', 'corp hr hello']);
  });

  it('follows an agent’s new keys and handler', async () => {
    const corp = ownKeys();
    const sendWith = await serve(corp, (manager) => corp.callback(manager));
    corp.addAgent('crm', { agentId: AGENT, secret: SECRETS.crm, push: [CRM_PUSH, HR_PUSH], onPush: teller('next') });
    sendWith(HR_PUSH);
    expect(await push(AGENT)).toMatchObject({ outcome: 'reply' });
    corp.removeAgent('crm');
    sendWith(CRM_PUSH);
    expect(await push(AGENT, { ...HELLO, MsgId: '3' })).toMatchObject({ status: 403 });
    expect(told).toEqual(['next crm hello']);
  });
});

describe('an agent’s callback', () => {
  it('takes what is for this agent, and nothing else', async () => {
    const corp = ownKeys();
    const sendWith = await serve(corp, (manager) => corp.agent('crm').callback(manager));
    sendWith(CRM_PUSH);
    expect(await world.sandbox.wecom.verifyUrl(CORP)).toMatchObject({ outcome: 'verified' });
    expect(await push(AGENT)).toMatchObject({ outcome: 'reply' });
    expect(await push(HR)).toMatchObject({ status: 403 });
    sendWith(HR_PUSH);
    expect(await world.sandbox.wecom.verifyUrl(CORP)).toMatchObject({ status: 403 });
    expect(await push(HR)).toMatchObject({ status: 403 });
    sendWith(PUSH);
    expect(await push(AGENT)).toMatchObject({ status: 403 });
    expect(told).toEqual(['crm crm hello']);
  });

  it('shares the corp’s keys where it has none of its own, and still takes nothing of another agent', async () => {
    const corp = world.corp({ push: PUSH, onPush: teller('corp') });
    const sendWith = await serve(corp, (manager) => corp.agent('crm').callback(manager));
    sendWith(PUSH);
    expect(await push(AGENT)).toMatchObject({ outcome: 'reply' });
    expect(await push(HR)).toMatchObject({ status: 403 });
    expect(told).toEqual(['corp crm hello']);
  });

  it('serves tools that have no number', async () => {
    const corp = world.corp({ push: PUSH, onPush: teller('corp') });
    const sendWith = await serve(corp, (manager) => corp.agent('contacts').callback(manager));
    sendWith(PUSH);
    expect(await push(undefined, { MsgType: 'event', Event: 'change_contact' })).toMatchObject({ outcome: 'reply' });
    expect(await push(AGENT)).toMatchObject({ status: 403 });
    expect(told).toEqual(['corp contacts change_contact']);
  });
});

describe('options', () => {
  it('without keys no callback is made', () => {
    const corp = world.corp();
    const manager = world.manager(corp);
    const missing = expect.objectContaining({
      code: 'ERR_TOKEN_CONFIGURATION',
      message: expect.stringMatching(/^"push" of account "corp" is missing/) as string,
    });
    expect(() => corp.callback(manager)).toThrow(missing);
    expect(() => corp.agent('crm').callback(manager)).toThrow(missing);
    const some = world.corp({ agents: { crm: { secret: 's', push: CRM_PUSH }, hr: { secret: 't' } } });
    expect(() => some.callback(manager)).not.toThrow();
    expect(() => some.agent('crm').callback(manager)).not.toThrow();
    expect(() => some.agent('hr').callback(manager)).toThrow(missing);
  });

  it('of the handlers are checked', () => {
    expect(world.corp({ push: PUSH, onPush: 1 as never }).problems()).toEqual([
      '"onPush" must be a function, got number',
    ]);
    expect(world.corp({ agents: { crm: { secret: 's', push: PUSH, onPush: 'x' as never } } }).problems()).toEqual([
      '"onPush" of agent "crm" must be a function, got string',
    ]);
  });
});
