// MariaDB as tests start it: durable as in production, small, one user who may do everything.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './commands.mjs';

const USER = 'evertoken';
const PASSWORD = 'evertoken';
const DATABASE = 'evertoken';

/** @type {import('./kind.mjs').Kind} */
export const mariadb = {
  title: 'MariaDB',
  // As root it only starts where it is told whom to become.
  users: ['mysql', 'nobody'],
  shutdownSignal: 'SIGTERM',
  async createData({ programs, data, as }) {
    const args = ['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'];
    await run(programs['mariadb-install-db'], ['--no-defaults', `--datadir=${data}`, ...args, ...SIZES], as);
  },
  command({ programs, port, folder, data, settings }) {
    const users = join(folder, 'users.sql');
    writeFileSync(users, USERS, { mode: 0o644 });
    const all = {
      port: String(port),
      'bind-address': '127.0.0.1',
      'skip-networking': 'OFF',
      'skip-name-resolve': 'ON',
      socket: socketIn(folder),
      'pid-file': join(folder, 'mariadbd.pid'),
      tmpdir: folder,
      'init-file': users,
      'character-set-server': 'utf8mb4',
      'max-connections': '300',
      'innodb-flush-log-at-trx-commit': '1',
      ...settings,
    };
    const options = Object.entries(all).map(([name, value]) => `--${name}=${value}`);
    return [programs.mariadbd, ['--no-defaults', `--datadir=${data}`, ...SIZES, ...options]];
  },
  // By the socket in the folder: nobody else answers there.
  ready: async ({ programs, folder }) => {
    await run(programs.mariadb, ['--no-defaults', `--socket=${socketIn(folder)}`, '--user=root', '--execute=select 1']);
  },
  url: (port) => `mysql://${USER}:${PASSWORD}@127.0.0.1:${port}/${DATABASE}`,
};

const SIZES = [
  '--innodb-buffer-pool-size=16M',
  '--innodb-log-file-size=16M',
  '--key-buffer-size=1M',
  '--aria-pagecache-buffer-size=1M',
];

// Read at each start, before anybody is let in.
const USERS = `
create database if not exists ${DATABASE};
create user if not exists ${USER}@'127.0.0.1' identified by '${PASSWORD}';
grant all privileges on *.* to ${USER}@'127.0.0.1' with grant option;
`;

function socketIn(folder) {
  return join(folder, 'mariadb.sock');
}
