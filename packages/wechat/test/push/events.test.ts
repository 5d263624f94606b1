import { describe, expect, it } from 'vitest';
import { componentEvent, parsePushXml, suiteEvent } from '../../src/push.js';

const xml = (fields: string) => parsePushXml(`<xml>${fields}</xml>`);
const TIMES = '<CreateTime>1413192605</CreateTime>';

describe('componentEvent', () => {
  it('reads a ticket', async () => {
    const message = await xml(`<AppId>wx1</AppId>${TIMES}<InfoType>component_verify_ticket</InfoType>
      <ComponentVerifyTicket><![CDATA[ticket@@@1]]></ComponentVerifyTicket>`);
    expect(componentEvent(message)).toEqual({
      type: 'component_verify_ticket',
      appId: 'wx1',
      createTime: 1413192605_000,
      ticket: 'ticket@@@1',
    });
  });

  it.each(['authorized', 'updateauthorized'])('reads %s, whose code ends at a point in time', async (type) => {
    const message = await xml(`<AppId>wx1</AppId><CreateTime>1608187115</CreateTime><InfoType>${type}</InfoType>
      <AuthorizerAppid>wx2</AuthorizerAppid><AuthorizationCode>code@@@1</AuthorizationCode>
      <AuthorizationCodeExpiredTime>1608190715</AuthorizationCodeExpiredTime><PreAuthCode>pre@@@1</PreAuthCode>`);
    expect(componentEvent(message)).toEqual({
      type,
      appId: 'wx1',
      createTime: 1608187115_000,
      authorizerAppid: 'wx2',
      authorizationCode: 'code@@@1',
      authorizationCodeExpiresAt: 1608190715_000,
      preAuthCode: 'pre@@@1',
    });
  });

  it('leaves open what an authorization does not say, and an end before its beginning', async () => {
    const fields = `<AppId>wx1</AppId>${TIMES}<InfoType>authorized</InfoType><AuthorizerAppid>wx2</AuthorizerAppid>
      <AuthorizationCode>code@@@1</AuthorizationCode>`;
    const open = { authorizationCodeExpiresAt: undefined, preAuthCode: undefined };
    expect(componentEvent(await xml(fields))).toMatchObject(open);
    const seconds = '<AuthorizationCodeExpiredTime>3600</AuthorizationCodeExpiredTime><PreAuthCode/>';
    expect(componentEvent(await xml(fields + seconds))).toMatchObject(open);
  });

  it('reads a revocation', async () => {
    const message = await xml(
      `<AppId>wx1</AppId>${TIMES}<InfoType>unauthorized</InfoType><AuthorizerAppid>wx2</AuthorizerAppid>`,
    );
    expect(componentEvent(message)).toEqual({
      type: 'unauthorized',
      appId: 'wx1',
      createTime: 1413192605_000,
      authorizerAppid: 'wx2',
    });
  });

  it.each([
    ['another kind', `<AppId>wx1</AppId>${TIMES}<InfoType>notify_third_fasteregister</InfoType>`],
    ['no kind', `<AppId>wx1</AppId>${TIMES}`],
    ['two kinds', `<AppId>wx1</AppId>${TIMES}<InfoType>unauthorized</InfoType><InfoType>authorized</InfoType>`],
    ['a ticket without a ticket', `<AppId>wx1</AppId>${TIMES}<InfoType>component_verify_ticket</InfoType>`],
    [
      'an empty ticket',
      `<AppId>wx1</AppId>${TIMES}<InfoType>component_verify_ticket</InfoType><ComponentVerifyTicket/>`,
    ],
    [
      'two tickets',
      `<AppId>wx1</AppId>${TIMES}<InfoType>component_verify_ticket</InfoType>
      <ComponentVerifyTicket>a</ComponentVerifyTicket><ComponentVerifyTicket>b</ComponentVerifyTicket>`,
    ],
    [
      'a time that is none',
      `<AppId>wx1</AppId><CreateTime>soon</CreateTime><InfoType>unauthorized</InfoType><AuthorizerAppid>wx2</AuthorizerAppid>`,
    ],
    ['no authorizer', `<AppId>wx1</AppId>${TIMES}<InfoType>unauthorized</InfoType>`],
    [
      'an authorization without a code',
      `<AppId>wx1</AppId>${TIMES}<InfoType>authorized</InfoType><AuthorizerAppid>wx2</AuthorizerAppid>`,
    ],
  ])('calls %s other', async (_, fields) => {
    expect(componentEvent(await xml(fields))).toMatchObject({ type: 'other' });
  });

  it('says what another kind calls itself', async () => {
    const message = await xml(`<AppId>wx1</AppId>${TIMES}<InfoType>notify_third_fasteregister</InfoType>`);
    expect(componentEvent(message)).toEqual({ type: 'other', infoType: 'notify_third_fasteregister' });
    expect(componentEvent({})).toEqual({ type: 'other', infoType: undefined });
  });
});

describe('suiteEvent', () => {
  const at = { suiteId: 'ww1', createTime: 1403610513_000 };
  const head = '<SuiteId>ww1</SuiteId><TimeStamp>1403610513</TimeStamp>';

  it('reads a ticket, with the blank of the documents’ example', async () => {
    const message = await xml(`${head}<InfoType> <![CDATA[suite_ticket]]></InfoType><SuiteTicket>t1</SuiteTicket>`);
    expect(suiteEvent(message)).toEqual({ type: 'suite_ticket', ...at, ticket: 't1' });
  });

  it.each(['create_auth', 'reset_permanent_code'])('reads %s', async (type) => {
    const fields = `${head}<InfoType>${type}</InfoType><AuthCode>c1</AuthCode>`;
    expect(suiteEvent(await xml(fields))).toEqual({ type, ...at, authCode: 'c1', state: undefined });
    expect(suiteEvent(await xml(`${fields}<State>s1</State>`))).toEqual({ type, ...at, authCode: 'c1', state: 's1' });
  });

  it.each(['change_auth', 'cancel_auth'])('reads %s', async (type) => {
    const message = await xml(`${head}<InfoType>${type}</InfoType><AuthCorpId>ww9</AuthCorpId>`);
    expect(suiteEvent(message)).toEqual({ type, ...at, authCorpId: 'ww9' });
  });

  it.each([
    ['another kind', `${head}<InfoType>change_contact</InfoType><AuthCorpId>ww9</AuthCorpId>`],
    ['a ticket without a ticket', `${head}<InfoType>suite_ticket</InfoType>`],
    ['an installation without a code', `${head}<InfoType>create_auth</InfoType>`],
    ['a removal without a corp', `${head}<InfoType>cancel_auth</InfoType>`],
    ['a ticket of no suite', '<TimeStamp>1</TimeStamp><InfoType>suite_ticket</InfoType><SuiteTicket>t</SuiteTicket>'],
    ['a ticket of no time', '<SuiteId>ww1</SuiteId><InfoType>suite_ticket</InfoType><SuiteTicket>t</SuiteTicket>'],
  ])('calls %s other', async (_, fields) => {
    expect(suiteEvent(await xml(fields))).toMatchObject({ type: 'other', infoType: expect.any(String) });
  });
});
