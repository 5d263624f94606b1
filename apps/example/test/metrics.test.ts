import type { Sandbox } from '@evertoken/sandbox';
import { describe, expect, it } from 'vitest';
import { runOnSandbox, UID, Visitor } from './support.js';

/** A line of Prometheus's text format. */
interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

async function scrape(url: string): Promise<{ readonly text: string; readonly samples: readonly Sample[] }> {
  const answer = await fetch(`${url}/metrics`);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^text\/plain/)]);
  const text = await answer.text();
  const samples = [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(([, name = '', labels = '', value]) => ({
    name,
    labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, text]) => [label, text])),
    value: Number(value),
  }));
  return { text, samples };
}

/** Requests for tokens of an account that were sent, as this process counted them. */
async function counted(url: string, account: string): Promise<number> {
  const { samples } = await scrape(url);
  return samples
    .filter(
      ({ name, labels }) => name === 'evertoken_platform_calls_total' && labels['evertoken_account_name'] === account,
    )
    .reduce((sum, { value }) => sum + value, 0);
}

/** The same as the platform counted them. */
function asked(sandbox: Sandbox, account: string, endpoints: readonly string[]): number {
  return sandbox.calls({ account }).filter(({ endpoint }) => endpoints.includes(endpoint)).length;
}

const WECHAT = ['/cgi-bin/stable_token', '/cgi-bin/ticket/getticket'];
const DINGTALK = ['/v1.0/oauth2/accessToken', '/v1.0/oauth2/jsapiTickets'];

describe('/metrics', () => {
  it('counts the requests for tokens that the platforms saw', async () => {
    const { url, sandbox, tokens, platforms } = await runOnSandbox();
    const visitor = new Visitor(url);
    await tokens.refreshDue();
    await visitor.post('/sandbox/kill', { account: 'shop' });
    await visitor.get('/wechat/followers');
    for (let step = 0; step < 3; step++) await visitor.post('/sandbox/advance', { minutes: '60' });
    const ids = { shop: platforms.accounts.shop?.id ?? '', oa: platforms.accounts.oa?.id ?? '' };
    await expect
      .poll(() => Promise.all([counted(url, 'shop'), counted(url, 'oa')]), { interval: 20 })
      .toEqual([asked(sandbox, ids.shop, WECHAT), asked(sandbox, ids.oa, DINGTALK)]);
    expect(asked(sandbox, ids.shop, WECHAT)).toBeGreaterThan(5);

    const { samples } = await scrape(url);
    const rejected = samples.filter(({ name }) => name === 'evertoken_rejections_total');
    expect(
      rejected.map(({ labels, value }) => [labels['evertoken_account_name'], labels['evertoken_outcome'], value]),
    ).toEqual([['shop', 'renewed', 1]]);
    const [life] = samples.filter(
      ({ name, labels }) =>
        name.startsWith('evertoken_token_time_to_expiry') && labels['evertoken_account_name'] === 'oa',
    );
    // By the sandbox's clock, which is three hours ahead.
    expect(life?.value).toBeGreaterThan(0);
    expect(life?.value).toBeLessThanOrEqual(7_200);
  });

  it('holds no token, no secret and nobody’s id', async () => {
    const { url, tokens, platforms } = await runOnSandbox();
    await new Visitor(url).signIn(UID);
    const { shop, corp, erp } = platforms.accounts;
    if (!shop || !corp || !erp) throw new Error('sandbox mode has all accounts');
    const sources = [shop.accessToken, shop.jsapiTicket, corp.agent('crm').accessToken, erp.user(UID).accessToken];
    const values = await Promise.all(sources.map(async (source) => (await tokens.get(source)).value));
    const secrets = secretsIn(platforms.sandbox?.credentials);
    expect(secrets.length).toBeGreaterThan(10);
    const { text } = await scrape(url);
    expect(text).toContain('evertoken_account_name="erp"');
    expect([...values, ...secrets, UID].filter((value) => text.includes(value))).toEqual([]);
  });

  it('is each application’s own', async () => {
    const [first, second] = [await runOnSandbox(), await runOnSandbox()];
    await first.tokens.refreshDue();
    await second.tokens.refreshDue();
    const before = await counted(second.url, 'shop');
    await new Visitor(first.url).post('/sandbox/kill', { account: 'shop' });
    await new Visitor(first.url).get('/wechat/followers');
    await expect.poll(() => counted(first.url, 'shop'), { interval: 20 }).toBeGreaterThan(before);
    expect(await counted(second.url, 'shop')).toBe(before);
  });
});

/** All texts below members that are called secret or key. */
function secretsIn(value: unknown, name = ''): string[] {
  if (typeof value === 'string')
    return /secret|key$/i.test(name) && name !== 'appKey' && name !== 'suiteKey' ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([member, inner]) => secretsIn(inner, member));
}
