import { describe, expect, it } from 'vitest';
import { type Project, project, sandboxWith } from './support.js';

const SECRET = 'secret-that-must-not-be-shown';

/** A configuration of a WeChat account on a store. */
function shopConfig(store: string, more = '', endpoint = 'stable_token'): string {
  return `import { defineTokens, memoryStore } from '@evertoken/core';
import { fileStore } from '@evertoken/core/file';
import { officialAccount } from '@evertoken/wechat';
const file = fileStore({ directory: new URL('./tokens', import.meta.url).pathname });
export default defineTokens({
  accounts: [officialAccount({ name: 'shop', appId: 'wx1', secret: '${SECRET}', endpoint: '${endpoint}' })],
  ${store}
  ${more}
});
`;
}

async function refused(directory: Project, ...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await directory.run(...(argv.length > 0 ? argv : ['status']));
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^evertoken: .+\n$/);
  expect(stderr).not.toContain(SECRET);
  return stderr;
}

describe('the configuration', () => {
  it.each(['tokens.config.ts', 'tokens.config.mts', 'tokens.config.js', 'tokens.config.mjs'])(
    'is found as %s in the working directory',
    async (name) => {
      const here = await project();
      await here.write(name, shopConfig('store: file,'));
      const { code, stdout } = await here.run('status');
      expect(code).toBe(0);
      expect(stdout).toContain('stable_access_token');
    },
  );

  it('is TypeScript, with what it imports', async () => {
    const here = await project();
    await here.write('stores.ts', `export enum Name { shop = 'shop' }\nexport const name: Name = Name.shop;`);
    const config = shopConfig('store: file,').replace(`name: 'shop'`, 'name');
    await here.write('tokens.config.ts', `import { name } from './stores.js';\n${config}`);
    expect((await here.run('status')).stdout).toContain('shop');
  });

  it('may be a promise', async () => {
    const here = await project();
    await here.write(
      'tokens.config.ts',
      `${shopConfig('store: file,').replace('export default', 'const config =')}
export default Promise.resolve(config);`,
    );
    expect((await here.run('status')).stdout).toContain('shop');
  });

  it('is the file that --config names, before or after the command', async () => {
    const here = await project();
    await here.write('other.ts', shopConfig('store: file,'));
    expect((await here.run('--config', 'other.ts', 'status')).stdout).toContain('shop');
    expect((await here.run('status', '--config', here.path('other.ts'))).stdout).toContain('shop');
  });

  it('is missing: the error names what was looked for', async () => {
    const here = await project();
    expect(await refused(here)).toContain('"tokens.config.ts"');
    expect(await refused(here, 'status', '--config', 'none.ts')).toContain('none.ts');
  });

  it.each([
    ['no default export', `export const config = {};`, 'must have a default export'],
    ['another default export', `export default [];`, 'must be an object'],
    ['a function', `export default () => ({});`, 'must be an object'],
    ['a promise that fails', `export default Promise.reject(new Error('no vault'));`, 'no vault'],
    ['broken syntax', `export default { a: '${SECRET}' b: 1 };`, 'cannot be loaded'],
    ['an error of its own', `throw new Error('DATABASE_URL is missing');`, 'DATABASE_URL is missing'],
    ['an import of nothing', `import './nothing.js';\nexport default {};`, './nothing.js'],
  ])('has %s: the error names the file', async (_, text, expected) => {
    const here = await project();
    await here.write('tokens.config.ts', text);
    const problem = await refused(here);
    expect(problem).toContain('tokens.config.ts');
    expect(problem).toContain(expected);
  });

  it('may hold what the Nest module takes besides, and nothing else', async () => {
    const here = await project();
    const more = `schedule: { cron: '* * * * * *' }, startOn: 'signal', managerName: 'm', isGlobal: true,`;
    await here.write('tokens.config.ts', shopConfig('store: file,', more));
    expect((await here.run('status')).code).toBe(0);
    const wrong = await project();
    await wrong.write('tokens.config.ts', shopConfig('store: file,', 'refreshEvery: 5,'));
    expect(await refused(wrong)).toContain('tokens.config.ts: "refreshEvery" is no option');
  });

  it('is refused where an account lacks something, by the account’s name', async () => {
    const here = await project();
    await here.write('tokens.config.ts', shopConfig('store: file,').replace(`'${SECRET}'`, 'undefined'));
    expect(await refused(here)).toMatch(/tokens\.config\.ts: "secret".*"shop"/);
  });

  it('is refused without a store, with the way out', async () => {
    const here = await project();
    await here.write('tokens.config.ts', shopConfig(''));
    const problem = await refused(here);
    expect(problem).toContain('tokens.config.ts: "store" must be given');
    expect(problem).toContain('fileStore({ directory:');
  });

  it.each([
    ['on a store of this process', 'store: memoryStore(),'],
    ['on a store of this process for one instance', 'store: memoryStore(), singleInstance: true,'],
    ['on no store beside one for grants', 'grantStore: file, singleInstance: true,'],
  ])('is refused where tokens that kill their predecessor are kept %s', async (_, store) => {
    const here = await project();
    await here.write('tokens.config.ts', shopConfig(store, '', 'token'));
    const problem = await refused(here, 'refresh');
    expect(problem).toMatch(/tokens\.config\.ts: "store" must be shared .* account "shop"/);
    expect(problem).toContain('redisStore');
  });

  it('is refused where grants are kept by a store of this process, in tests too', async () => {
    const here = await project();
    await here.write(
      'tokens.config.ts',
      `import { memoryStore } from '@evertoken/core';
import { nextEngineApp } from '@evertoken/nextengine';
const erp = nextEngineApp({ name: 'erp', clientId: 'c', clientSecret: '${SECRET}' });
export default { accounts: [erp], store: memoryStore(), allowVolatileGrants: true };`,
    );
    expect(await refused(here, 'refresh')).toMatch(/"grantStore" must be shared .* account "erp"/);
  });

  it('is taken with a store of this process for tokens that can be had twice', async () => {
    const sandbox = await sandboxWith({ wechat: [{ appId: 'wx1', secret: SECRET }] });
    const here = await project();
    const config = shopConfig('store: memoryStore(),').replace('secret:', `baseUrl: '${sandbox.urls.wechat}', secret:`);
    await here.write('tokens.config.ts', config);
    expect(await here.run('refresh', 'shop', '--kind', 'stable_access_token')).toMatchObject({ code: 0 });
    expect(sandbox.calls({ platform: 'wechat' })).toHaveLength(1);
  });
});
