// PostgreSQL as tests start it: durable as in production, small, everybody on 127.0.0.1 trusted.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { plainEnvironment, run } from './commands.mjs';

const USER = 'evertoken';
const DATABASE = 'evertoken';

/** @type {import('./kind.mjs').Kind} */
export const postgres = {
  title: 'PostgreSQL',
  // The server refuses to run as root.
  users: ['postgres', 'nobody'],
  // SIGTERM would wait for clients to leave.
  shutdownSignal: 'SIGINT',
  // A killed server leaves a piece of System V memory behind.
  quitSignal: 'SIGQUIT',
  async createData({ programs, data, as }) {
    const layout = ['--username', USER, '--auth', 'trust', '--encoding', 'UTF8', '--locale', 'C'];
    await run(programs.initdb, ['--pgdata', data, ...layout, '--no-sync', '--no-instructions'], as);
    // Single-user mode: cheaper than to start the server for one statement.
    const single = ['--single', '-F', '-D', data, 'postgres'];
    await run(programs.postgres, single, { ...as, input: `create database ${DATABASE}\n` });
  },
  command({ programs, port, folder, data, settings }) {
    const all = {
      port: String(port),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: folder,
      max_connections: '300',
      shared_buffers: '16MB',
      // In the folder, so that a killed server leaves nothing in /dev/shm.
      dynamic_shared_memory_type: 'mmap',
      fsync: 'on',
      synchronous_commit: 'on',
      ...settings,
    };
    const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    return [programs.postgres, ['-D', data, ...options]];
  },
  async clear({ port, folder, data }) {
    // The dead server's locks name a process id that may be somebody else's by now, and its piece of System V memory.
    const lock = join(data, 'postmaster.pid');
    if (!existsSync(lock)) return;
    const memory = readFileSync(lock, 'utf8').split('\n')[6]?.trim().split(/\s+/)[1];
    if (memory) await run('ipcrm', ['-m', memory]).catch(() => undefined);
    for (const path of [lock, join(folder, `.s.PGSQL.${port}.lock`)]) rmSync(path, { force: true });
  },
  // By the socket in the folder: nobody else answers there.
  ready: async ({ programs, port, folder }) => {
    await run(programs.psql, ['--no-psqlrc', '--quiet', '--command', 'select 1'], {
      env: plainEnvironment({
        PGHOST: folder,
        PGPORT: port,
        PGUSER: USER,
        PGDATABASE: DATABASE,
        PGCONNECT_TIMEOUT: '5',
      }),
    });
  },
  url: (port) => `postgres://${USER}@127.0.0.1:${port}/${DATABASE}`,
};
