import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createSandbox, type Sandbox } from '@evertoken/sandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientId, clientSecret, UID } from './world.js';

/** The snippets of the README, compiled by tsc and run by plain Node; only the platform's hosts lead to the sandbox. */
const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');

let folder = '';
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await createSandbox();
  folder = await mkdtemp(join(here, '.readme-'));
  const readme = await readFile(join(here, '../README.md'), 'utf8');
  for (const [, name, code] of readme.matchAll(/```ts\n\/\/ (\S+\.ts)\n(.*?)```/gs)) {
    await writeFile(join(folder, name as string), code as string);
  }
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../../../tsconfig.base.json',
      compilerOptions: { rootDir: '.', outDir: 'out', declaration: false },
      include: ['*.ts'],
    }),
  );
  await writeFile(
    join(folder, 'redirect.mjs'),
    `const real = globalThis.fetch;
const lead = (url) => url
  .replace('https://api.next-engine.org', ${JSON.stringify(sandbox.urls.nextengineApi)})
  .replace('https://base.next-engine.org', ${JSON.stringify(sandbox.urls.nextengineBase)});
globalThis.fetch = (url, init) => real(lead(String(url)), init);`,
  );
  await writeFile(
    join(folder, 'visit.mjs'),
    `import { tokens } from './out/erp.js';
import { callback } from './out/sign-in.js';
import { orderNumbers } from './out/orders.js';
import { leave, whoHasToSignIn } from './out/users.js';
import { users } from './out/adapter.js';

const session = {};
const page = new URL(await callback({ uid: '${UID}', state: 'of the menu', id: 'menu' }, session));
page.searchParams.set('uid', '${UID}');
page.searchParams.set('redirect_uri', 'https://app.example/callback');
const back = new URL((await fetch(page, { redirect: 'manual' })).headers.get('location'));
const goesTo = await callback(Object.fromEntries(back.searchParams), session);
const orders = await orderNumbers(session.uid);
if (process.argv[2] === 'leave') await leave(session.uid);
await users.save({ uid: 'u1', companyId: '1' });
console.log(JSON.stringify({ goesTo, uid: session.uid, orders: orders.length, signIn: await whoHasToSignIn('ne-company-1000'), table: [...await users.list()] }));
await tokens.close();`,
  );
  await writeFile(
    join(folder, 'serve.mjs'),
    `import { tokens } from './out/erp.js';
import { server, sessions } from './out/server.js';

await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const site = 'http://127.0.0.1:' + server.address().port + '/nextengine';
const begun = await fetch(site, { redirect: 'manual' });
const cookie = begun.headers.getSetCookie()[0].split(';')[0];
const page = new URL(begun.headers.get('location'));
page.searchParams.set('uid', '${UID}');
page.searchParams.set('redirect_uri', site);
const back = (await fetch(page, { redirect: 'manual' })).headers.get('location');
const { status, headers } = await fetch(back, { redirect: 'manual', headers: { cookie } });
const [session, binding] = headers.getSetCookie().map((each) => each.split(';')[0]);
const planted = await fetch(back, { redirect: 'manual' });
console.log(JSON.stringify({ status, uid: sessions.get(session.split('=')[1]), binding, planted: planted.headers.get('location') }));
server.close();
await tokens.close();`,
  );
  await mkdir(join(folder, 'work'));
  await run(process.execPath, [tsc, '-p', folder]).catch((error: { stdout?: string }) => {
    throw new Error(`the README's snippets do not compile:\n${error.stdout}`);
  });
});

afterAll(async () => {
  await sandbox?.close();
  await rm(folder, { recursive: true, force: true });
});

async function node(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(
    process.execPath,
    ['--import', join(folder, 'redirect.mjs'), join(folder, program), ...args],
    {
      cwd: join(folder, 'work'),
      env: { PATH: process.env['PATH'], NE_CLIENT_ID: clientId, NE_CLIENT_SECRET: clientSecret },
      timeout: 20_000,
    },
  );
  return stdout;
}

describe('the README', () => {
  it('signs a user in who comes from the menu, and lists the orders', async () => {
    expect(JSON.parse(await node('visit.mjs'))).toEqual({
      goesTo: '/',
      uid: UID,
      orders: 25,
      signIn: [],
      table: [{ uid: 'u1', companyId: '1' }],
    });
  });

  it('serves the redirect URI over HTTP', async () => {
    expect(JSON.parse(await node('serve.mjs'))).toEqual({
      status: 303,
      uid: UID,
      binding: expect.stringMatching(/^__Host-ne-sign-in-[0-9a-f]{8}=$/),
      planted: expect.stringContaining('/users/sign_in/'),
    });
  });

  it('has a batch that says what it did', async () => {
    // Signed in a moment ago: it is not time yet.
    expect(await node('out/batch.js')).toContain(`${UID} notYetRenewable`);
  });

  it('tells how much of the allowance is used', async () => {
    expect(await node('out/quota.js')).toMatch(/^\d{4}-\d{2}: \d+ of 1000 calls \(\d+ %\)\n$/);
  });

  it('lets a user leave', async () => {
    await node('visit.mjs', 'leave');
    expect(await node('out/batch.js')).not.toContain(UID);
  });
});
