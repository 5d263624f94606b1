import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type PrivateServer, startServer, whyMissing } from '@evertoken/test-servers';
import { afterEach, expect, it } from 'vitest';

const program = fileURLToPath(new URL('processes/journal-member.mjs', import.meta.url));
const children: ChildProcess[] = [];
let server: PrivateServer | undefined;
let directory = '';

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await server?.stop();
  await rm(directory, { recursive: true, force: true });
});

it.skipIf(whyMissing('postgres', 'server'))(
  'a renewed pair outlives the store’s server and the process that renewed it, both killed',
  { timeout: 60_000 },
  async () => {
    server = await startServer('postgres');
    directory = await mkdtemp(join(tmpdir(), 'evertoken-journalled-'));
    const begin = (task: string) => {
      const child = fork(program, [(server as PrivateServer).url, directory]);
      children.push(child);
      child.send(task);
      return child;
    };
    const said = async (child: ChildProcess) => (await once(child, 'message'))[0] as { asked?: string; has?: string };

    expect(await said(begin('sign in'))).toEqual({ has: 'T0' });
    const renewing = begin('renew');
    expect(await said(renewing)).toEqual({ asked: 'R0' });
    await server.kill();
    renewing.send('the answer arrives');
    expect(await said(renewing)).toEqual({ has: 'T1' });
    renewing.kill('SIGKILL');
    await once(renewing, 'exit');
    expect((await readdir(directory)).filter((name) => name.endsWith('.json'))).toHaveLength(1);
    await server.restart();
    // Whoever comes next finds the pair that only the dead process ever saw.
    expect(await said(begin('look'))).toEqual({ has: 'T1' });
    expect((await readdir(directory)).filter((name) => name.endsWith('.json'))).toEqual([]);
  },
);
