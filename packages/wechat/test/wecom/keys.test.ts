import { memoryStore, parseTokenKey, type TokenSource } from '@evertoken/core';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { miniProgram, officialAccount, openPlatform, weCom, weComSuite } from '../../src/index.js';
import { AGENT, CORP, OTHER, PUSH, SECRETS, World } from './world.js';

/** An id as consoles have them, and as nobody should. */
const id = fc.oneof(
  fc.constantFrom('ww1', 'ww2', 'wx1', 'ww1/access_token', 'ww1%2F', '..', '~', '1000002'),
  fc.string({
    minLength: 1,
    maxLength: 40,
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  }),
);
const name = fc.oneof(
  fc.constantFrom(
    'crm',
    'hr',
    '1000002',
    'crm/1000002',
    'crm~',
    '企业微信',
    '__proto__',
    'constructor',
    ' ',
    '.',
    '%2e',
  ),
  fc.string({ minLength: 1, maxLength: 70, unit: 'binary' }),
  fc.string({ minLength: 1, maxLength: 10 }).map((text) => `${text}\ud800`),
);
const agent = fc.record({
  name,
  agentId: fc.option(fc.constantFrom<string | number>(1000002, '1000003', 7), { nil: undefined }),
  secret: fc.constantFrom('secret-1', 'secret-2', 'secret-3'),
});
const corp = fc.record({ corpId: id, agents: fc.uniqueArray(agent, { maxLength: 6, selector: (each) => each.name }) });

/** What a token is of: two sources may share a key only where this is the same. */
interface Named {
  readonly owner: string;
  readonly source: TokenSource;
}

it('no token has the key of another, over corps, agents, kinds, accounts and platforms', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(corp, { minLength: 1, maxLength: 4, selector: ({ corpId }) => corpId }),
      fc.uniqueArray(id, { minLength: 1, maxLength: 4 }),
      (corps, ids) => {
        const sources: Named[] = [...corps.flatMap(corpSources), ...ids.flatMap(otherSources)];
        const owners = new Map<string, string>();
        for (const { owner, source } of sources) {
          const before = owners.get(source.key);
          if (before !== undefined) expect(before).toBe(owner);
          owners.set(source.key, owner);
          expect(source.key.length).toBeLessThanOrEqual(512);
          const parts = parseTokenKey(source.key);
          expect(parts.kind).toBe(source.kind);
          expect(parts.subject?.join('/')).toBe(source.subject);
        }
        expect(owners.size).toBe(new Set(sources.map(({ owner }) => owner)).size);
      },
    ),
    { numRuns: 300 },
  );
});

it('an account finds its own sources by their keys, and nobody else’s', () => {
  fc.assert(
    fc.property(corp, id, ({ corpId, agents }, other) => {
      const account = weCom({
        name: 'corp',
        corpId,
        agents: Object.fromEntries(agents.map((each) => [each.name, each])),
      });
      for (const { accessToken, agentJsapiTicket } of account.agents()) {
        for (const source of [accessToken, agentJsapiTicket]) {
          expect(account.source(source.kind, source.subject)?.key).toBe(source.key);
        }
      }
      const suite = weComSuite({ name: 'suite', suiteId: other, secret: 's', push: PUSH });
      const { accessToken } = suite.corp(corpId);
      expect(suite.source(accessToken.kind, accessToken.subject)?.key).toBe(accessToken.key);
      expect(account.source(accessToken.kind, accessToken.subject)).toBeUndefined();
    }),
    { numRuns: 200 },
  );
});

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(() => world.close());

it('each agent is served its own token out of a store that all share, whatever they are called', async () => {
  const store = memoryStore({ clock: world.clock });
  const secrets = [
    [CORP, AGENT, SECRETS.crm],
    [CORP, 1000003, SECRETS.hr],
    [CORP, undefined, SECRETS.contacts],
    [OTHER, AGENT, SECRETS.otherCrm],
  ] as const;
  const values = new Map<string, string>();
  await fc.assert(
    fc.asyncProperty(name, fc.constantFrom(...secrets), async (called, [corpId, agentId, secret]) => {
      const account = world.corp({
        corpId,
        agents: { [called]: { secret, ...(agentId !== undefined && { agentId }) } },
      });
      if (account.problems().length > 0) return;
      const { value } = await world.manager(account, { store }).get(account.agent(called).accessToken);
      const known = values.get(secret) ?? value;
      expect(value).toBe(known);
      values.set(secret, known);
    }),
    { numRuns: 100 },
  );
  expect(new Set(values.values()).size).toBe(4);
});

function corpSources({
  corpId,
  agents,
}: {
  corpId: string;
  agents: { name: string; agentId?: string | number | undefined; secret: string }[];
}): Named[] {
  const account = weCom({
    name: 'corp',
    corpId,
    agents: Object.fromEntries(agents.map((each) => [each.name, each])),
    providerSecret: 'p',
  });
  const own = account.agents().flatMap((handle) => {
    const { agentId = 'no id', secret } = agents.find((each) => each.name === handle.name) ?? { secret: '' };
    // One agent id is one agent; without it the secret and its purpose are.
    const which = agentId === 'no id' ? `${handle.name} ${secret}` : String(agentId);
    return [handle.accessToken, handle.agentJsapiTicket].map((source) => named(`corp ${corpId} ${which}`, source));
  });
  return [...own, named(`corp ${corpId}`, account.jsapiTicket), named(`corp ${corpId}`, account.provider.accessToken)];
}

function otherSources(appId: string): Named[] {
  const app = { name: 'app', appId, secret: 's' };
  const legacy = officialAccount({ ...app, endpoint: 'token' });
  const suite = weComSuite({ name: 'suite', suiteId: `suite${appId}`, secret: 's', push: PUSH });
  const platform = openPlatform({ ...app, appId: `platform${appId}`, push: PUSH });
  const authorizer = platform.authorizer(appId);
  const subject = suite.corp(appId);
  return [
    ...[...officialAccount(app).sources(), ...legacy.sources(), ...miniProgram(app).sources()].map((source) =>
      named(`app ${appId}`, source),
    ),
    ...[...platform.sources()].map((source) => named(`platform ${appId}`, source)),
    ...[authorizer.accessToken, authorizer.jsapiTicket, authorizer.cardTicket].map((source) =>
      named(`platform ${appId} authorizer ${appId}`, source),
    ),
    ...[...suite.sources()].map((source) => named(`suite ${appId}`, source)),
    ...[subject.permanentCode, subject.accessToken, subject.jsapiTicket, subject.agentJsapiTicket].map((source) =>
      named(`suite ${appId} corp ${appId}`, source),
    ),
  ];
}

function named(owner: string, source: TokenSource): Named {
  return { owner: `${owner} ${source.kind}`, source };
}
