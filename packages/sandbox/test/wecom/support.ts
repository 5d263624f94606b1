import { createDecipheriv, createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { SANDBOX_ACCOUNTS, type Sandbox, type WeComAccount, type WeComSuite } from '../../src/index.js';
import { getJson, postJson, query, startSandbox } from '../support.js';

export const { wecom: WECOM } = SANDBOX_ACCOUNTS;
export const [SUITE] = WECOM.suites;
export const CORP = WECOM.corpId;
export const AGENT = 1000002;
/** A company that has no place in the sandbox's accounts. */
export const CUSTOMER = 'wwcustomer';

/** The members that tests look at; which of them an answer has depends on the endpoint. */
export interface WeComBody {
  readonly errcode: number;
  readonly errmsg: string;
  readonly access_token: string;
  readonly expires_in: number;
  readonly ticket: string;
  readonly suite_access_token: string;
  readonly provider_access_token: string;
  readonly pre_auth_code: string;
  readonly permanent_code: string;
  readonly auth_corp_info: { readonly corpid: string; readonly corp_name: string };
  readonly auth_info: { readonly agent: readonly { readonly agentid: number }[] };
  readonly agentid: number;
  readonly media_id: string;
}

export function startWeCom(
  account: Partial<WeComAccount> = {},
  suite: Partial<WeComSuite> = {},
  ...more: readonly WeComAccount[]
): Promise<Sandbox> {
  return startSandbox({ wecom: [{ ...WECOM, suites: [{ ...SUITE, ...suite }], ...account }, ...more] });
}

export async function get(
  sandbox: Sandbox,
  path: string,
  fields: Record<string, string | undefined> = {},
): Promise<WeComBody> {
  return (await getJson(`${sandbox.urls.wecom}${path}?${query(defined(fields))}`)) as unknown as WeComBody;
}

export async function post(
  sandbox: Sandbox,
  path: string,
  body: unknown,
  fields: Record<string, string | undefined> = {},
): Promise<WeComBody> {
  const url = `${sandbox.urls.wecom}${path}?${query(defined(fields))}`;
  return (await postJson(url, body)) as unknown as WeComBody;
}

/** Each member may be taken away by being set to undefined. */
function defined(fields: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

export function getToken(sandbox: Sandbox, fields: Record<string, string | undefined> = {}): Promise<WeComBody> {
  const secret = WECOM.agents[0]?.secret;
  return get(sandbox, '/cgi-bin/gettoken', { corpid: CORP, corpsecret: secret, ...fields });
}

export async function tokenOf(sandbox: Sandbox, fields: Record<string, string | undefined> = {}): Promise<string> {
  return (await getToken(sandbox, fields)).access_token;
}

/** The errcode of a business call with a token: 0 where it works. */
export async function use(sandbox: Sandbox, token: string): Promise<number> {
  return (await get(sandbox, '/cgi-bin/user/get', { access_token: token, userid: 'anna' })).errcode;
}

export function suiteToken(sandbox: Sandbox, fields: Record<string, unknown> = {}): Promise<WeComBody> {
  const ticket = sandbox.wecom.currentTicket(SUITE.suiteId)?.ticket;
  const body = { suite_id: SUITE.suiteId, suite_secret: SUITE.secret, suite_ticket: ticket, ...fields };
  return post(sandbox, '/cgi-bin/service/get_suite_token', body);
}

/** A suite token, with a ticket made for it. */
export async function openSuite(sandbox: Sandbox): Promise<string> {
  sandbox.wecom.pushTicket(SUITE.suiteId);
  return (await suiteToken(sandbox)).suite_access_token;
}

export function suiteCall(sandbox: Sandbox, token: string, path: string, body: unknown): Promise<WeComBody> {
  return post(sandbox, `/cgi-bin/service/${path}`, body, { suite_access_token: token });
}

/** Installs the suite in a company and exchanges the code; tells the permanent code. */
export async function installed(sandbox: Sandbox, token: string, corpId = CUSTOMER): Promise<string> {
  const { authCode } = sandbox.wecom.install(SUITE.suiteId, { corpId });
  return (await suiteCall(sandbox, token, 'v2/get_permanent_code', { auth_code: authCode })).permanent_code;
}

export function corpToken(
  sandbox: Sandbox,
  token: string,
  permanentCode: string,
  corpId = CUSTOMER,
): Promise<WeComBody> {
  return suiteCall(sandbox, token, 'get_corp_token', { auth_corpid: corpId, permanent_code: permanentCode });
}

export interface Received {
  readonly method: string;
  readonly query: URLSearchParams;
  readonly body: string;
}

/** A callback server that keeps what it gets and answers as it is told; closed when the test ends. */
export async function callbackServer(answer: (received: Received) => string = () => 'success') {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    void read(request).then((each) => {
      received.push(each);
      response.end(answer(each));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received };
}

async function read(request: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const { searchParams } = new URL(request.url ?? '/', 'http://hook');
  return { method: request.method ?? '', query: searchParams, body: Buffer.concat(chunks).toString() };
}

/** What a push says, once its signature is checked and it is decrypted: receiver and fields of the inner XML. */
export function opened(
  { query: fields, body }: Received,
  keys: { readonly token: string; readonly encodingAESKey: string } = SUITE,
): { receiveId: string; text: string; field(name: string): string | undefined } {
  const encrypted = fields.get('echostr') ?? xmlField(body, 'Encrypt') ?? (JSON.parse(body) as Encrypted).Encrypt;
  const signed = [keys.token, fields.get('timestamp') ?? '', fields.get('nonce') ?? '', encrypted].sort().join('');
  const signature = createHash('sha1').update(signed).digest('hex');
  if (signature !== fields.get('msg_signature')) throw new Error('the push is not signed with these keys');
  const key = Buffer.from(`${keys.encodingAESKey}=`, 'base64');
  const cipher = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([cipher.update(encrypted, 'base64'), cipher.final()]);
  const plain = padded.subarray(0, padded.length - (padded.at(-1) ?? 0));
  const end = 20 + plain.readUInt32BE(16);
  const text = plain.subarray(20, end).toString();
  return { receiveId: plain.subarray(end).toString(), text, field: (name) => xmlField(text, name) };
}

interface Encrypted {
  readonly Encrypt: string;
}

function xmlField(xml: string, name: string): string | undefined {
  const match = new RegExp(`<${name}>(?:<!\\[CDATA\\[(.*?)\\]\\]>|(.*?))</${name}>`, 's').exec(xml);
  return match?.[1] ?? match?.[2];
}
