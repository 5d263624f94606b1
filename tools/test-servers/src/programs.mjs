// Which programs the servers need, where they may be, and what to install where they are not.
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs of a kind, and the packages that bring them. PostgreSQL's must be of one version, so of one folder. */
const KINDS = {
  redis: { title: 'Redis', programs: ['redis-server'], client: undefined, apt: 'redis-server', brew: 'redis' },
  postgres: {
    title: 'PostgreSQL',
    programs: ['postgres', 'initdb', 'psql'],
    client: 'psql',
    apt: 'postgresql',
    brew: 'postgresql@17',
  },
  mariadb: {
    title: 'MariaDB',
    programs: ['mariadbd', 'mariadb-install-db', 'mariadb'],
    client: 'mariadb',
    apt: 'mariadb-server',
    brew: 'mariadb',
  },
};

/** Kinds of servers that tests start by themselves. */
export const SERVER_KINDS = Object.keys(KINDS);

/**
 * Paths of a kind's programs by name; `undefined` unless all are there.
 * @param {import('./index.d.ts').ServerKind} kind
 * @returns {Record<string, string> | undefined}
 */
export function findPrograms(kind) {
  const { programs } = KINDS[kind];
  if (kind !== 'postgres') return pathsOf(programs, (name) => folders().find((folder) => runs(join(folder, name))));
  const together = folders().find((folder) => programs.every((name) => runs(join(folder, name))));
  return together && pathsOf(programs, () => together);
}

/** The packages of these kinds, as the machine's package manager calls them. */
export function packagesOf(kinds, manager = process.platform === 'darwin' ? 'brew' : 'apt') {
  return kinds.map((kind) => KINDS[kind][manager]);
}

/**
 * One line: what is missing for servers of this kind and the command that installs it.
 * @param {import('./index.d.ts').ServerKind} kind
 */
export function missingText(kind) {
  const name = kind.toUpperCase();
  return `${KINDS[kind].title} is not installed (${installCommand([kind])}); or point EVERTOKEN_TEST_${name}_URL to a server that is there`;
}

/**
 * Path of the SQL client that speaks to servers of this kind, wherever they run.
 * @param {'postgres' | 'mariadb' | 'mysql'} kind
 */
export function findClient(kind) {
  const server = serverOf(kind);
  const name = KINDS[server].client;
  const folder = folders().find((candidate) => runs(join(candidate, name)));
  // The one beside the server first: PATH may have a wrapper.
  return findPrograms(server)?.[name] ?? (folder && join(folder, name));
}

/**
 * One line: the SQL client for servers of this kind is missing, and the command that installs it.
 * @param {'postgres' | 'mariadb' | 'mysql'} kind
 */
export function missingClientText(kind) {
  const { title, client } = KINDS[serverOf(kind)];
  return `${client}, ${title}'s client, creates the test databases and is not installed (${installCommand([serverOf(kind)])})`;
}

/** The command that installs servers of these kinds. */
export function installCommand(kinds) {
  if (process.platform === 'darwin') return `brew install ${packagesOf(kinds).join(' ')}`;
  return `Debian, Ubuntu: sudo apt-get install --no-install-recommends ${packagesOf(kinds, 'apt').join(' ')}`;
}

/** MySQL has no programs of its own here: MariaDB's client speaks to it. */
function serverOf(kind) {
  return kind === 'mysql' ? 'mariadb' : kind;
}

function pathsOf(programs, folderOf) {
  const found = programs.map((name) => [name, folderOf(name)]);
  if (found.some(([, folder]) => folder === undefined)) return undefined;
  return Object.fromEntries(found.map(([name, folder]) => [name, join(folder, name)]));
}

function folders() {
  return [
    ...(process.env.PATH ?? '').split(delimiter).filter(Boolean),
    // Debian keeps PostgreSQL's programs out of PATH, one folder per version, and has wrappers in PATH that read configuration.
    ...newestFirst('/usr/lib/postgresql', /^\d+$/).map((folder) => join(folder, 'bin')),
    ...newestFirst('/usr', /^pgsql-\d+$/).map((folder) => join(folder, 'bin')),
    '/usr/bin',
    '/usr/sbin',
    '/opt/homebrew/bin',
    '/opt/homebrew/sbin',
    ...kegs('/opt/homebrew/opt'),
    '/usr/local/bin',
    '/usr/local/sbin',
    ...kegs('/usr/local/opt'),
    '/usr/local/pgsql/bin',
    '/usr/local/mysql/bin',
  ];
}

/** Homebrew's versioned formulas, which it does not link into PATH. */
function kegs(parent) {
  return newestFirst(parent, /^(postgresql|mariadb|redis)(@|$)/).map((folder) => join(folder, 'bin'));
}

function newestFirst(parent, pattern) {
  const byNumber = new Intl.Collator('en', { numeric: true });
  try {
    const names = readdirSync(parent).filter((name) => pattern.test(name));
    return names.sort((a, b) => byNumber.compare(b, a)).map((name) => join(parent, name));
  } catch {
    return [];
  }
}

function runs(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
