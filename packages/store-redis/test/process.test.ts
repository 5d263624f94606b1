import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startServer, whyMissing } from '@evertoken/test-servers';
import { describe, expect, it } from 'vitest';

const cwd = new URL('..', import.meta.url);

/** Runs a program in a process of its own; it has to end by itself. */
async function run(program: string, url: string, mode: 'import' | 'require' = 'import'): Promise<string> {
  const load =
    mode === 'import'
      ? "const { redisStore } = await import('@evertoken/store-redis');"
      : "const { redisStore } = require('@evertoken/store-redis');";
  const body = mode === 'import' ? `${load}${program}` : `(async () => { ${load}${program} })();`;
  const type = mode === 'import' ? ['--input-type=module'] : [];
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', ...type, '-e', body, url], {
    cwd,
    timeout: 20_000,
  });
  return stdout.trim();
}

const KEY = "'et1/test/app/access_token'";

describe.skipIf(whyMissing('redis', 'server'))('a process that uses redisStore', () => {
  it.each(['import', 'require'] as const)('loads it by %s, and ends by itself, closed or not', async (mode) => {
    const server = await startServer('redis');
    const program = `
      const store = redisStore({ url: process.argv[1] });
      store.watch(() => {});
      await store.open();
      console.log(JSON.stringify((await store.read(${KEY})).record ?? null));
    `;
    expect(await run(program, server.url, mode)).toBe('null');
    expect(await run(`${program} await store.close();`, server.url, mode)).toBe('null');
    await server.stop();
  });

  it('lives while it waits for an answer, though nothing else keeps it, and ends while the server is away', async () => {
    const server = await startServer('redis');
    const program = `
      const store = redisStore({ url: process.argv[1], timeoutMs: 300 });
      store.watch(() => {});
      await store.open();
      process.kill(${server.pid}, 'SIGSTOP');
      console.log(await store.read(${KEY}).catch((error) => error.reason));
    `;
    expect(await run(program, server.url)).toBe('timeout');
    server.resume();
    await server.stop();
  });
});
