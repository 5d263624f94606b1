import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { EXIT, type ProgramIO, parseImport } from '../src/index.js';
import { project, sandboxWith } from './support.js';

const README = await readFile(new URL('../README.md', import.meta.url), 'utf8');

/** The fenced block whose first line, or language, is this. */
function snippet(opening: string): string {
  const [, text] = new RegExp(`\`\`\`${opening}\n([^]*?)\`\`\``).exec(README) ?? [];
  if (text === undefined) throw new Error(`the README has no ${opening}`);
  return text;
}

describe('the README', () => {
  it('shows a configuration that the program takes', async () => {
    const sandbox = await sandboxWith({ wechat: [{ appId: 'wx1', secret: 's' }] });
    const here = await project();
    await here.write(
      'accounts.ts',
      `import { officialAccount } from '@evertoken/wechat';
export const shop = officialAccount({ name: 'shop', appId: 'wx1', secret: 's', baseUrl: '${sandbox.urls.wechat}' });`,
    );
    const text = snippet('ts\n// tokens.config.ts')
      .replace(`{ redisStore } from '@evertoken/store-redis'`, `{ fileStore } from '@evertoken/core/file'`)
      .replace(`redisStore({ url: process.env['REDIS_URL'] })`, `fileStore({ directory: '${here.path('tokens')}' })`);
    await here.write('tokens.config.ts', text);
    expect(await here.run('refresh', 'shop')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('3 renewed'),
    });
    // One kind hangs on no other, the tickets do.
    const { stdout } = await here.run('get', 'shop', '--reveal');
    expect(stdout).toBe((await here.run('get', 'shop', 'stable_access_token', '--reveal')).stdout);
    expect(await here.run('forget', 'shop')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('name one: "stable_access_token", "jsapi_ticket", "card_ticket"'),
    });
    expect(await here.run('forget', 'shop', 'jsapi_ticket')).toMatchObject({
      code: 0,
      stdout: 'forgotten: jsapi_ticket of shop\n',
    });
  });

  it('shows an entry of an import, and names all its fields', () => {
    expect(parseImport(snippet('jsonl'))).toMatchObject([
      { account: 'erp', refreshTokenExpiresAt: Date.UTC(2026, 10, 24, 1), place: 'line 1' },
      { account: 'shop', expiresAt: 1_795_000_000_000, place: 'line 2' },
    ]);
    const named = [...README.matchAll(/^\| `(\w+)`(?:, `(\w+)`)? +\| (?!Unix)/gm)].flatMap(([, ...names]) => names);
    for (const name of [
      'account',
      'kind',
      'subject',
      'value',
      'refreshToken',
      'expiresAt',
      'refreshTokenExpiresAt',
      'extra',
    ])
      expect(named).toContain(name);
  });

  it('names every option of every command, and every exit code', async () => {
    const here = await project();
    const named = new Set(README.match(/--[a-z][a-z-]+/g));
    const real = new Set<string>();
    for (const command of ['refresh', 'status', 'get', 'forget', 'import']) {
      expect(README).toContain(`evertoken ${command} `);
      for (const option of (await here.run(command, '--help')).stdout.match(/--[a-z][a-z-]+/g) ?? []) real.add(option);
    }
    for (const standard of ['--help', '--version']) real.delete(standard);
    expect([...named].sort()).toEqual([...real].sort());
    const codes = [...README.matchAll(/^\| (\d+) +\|/gm)].map(([, code]) => Number(code));
    expect(codes).toEqual(Object.values(EXIT));
  });

  it('runs in a process: it is all that the program asks for', () => {
    const io: ProgramIO = process;
    expect(io.stdout).toBe(process.stdout);
  });
});
