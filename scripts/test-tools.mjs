// Programs that tests need and npm does not bring. Installed where that is possible, named where it is not.
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasSqlite } from '../tools/test-servers/src/node-with-sqlite.mjs';
import { findPrograms, installCommand, packagesOf, SERVER_KINDS } from '../tools/test-servers/src/programs.mjs';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const CI = process.env.CI === 'true';
const CANDIDATES = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];
/** Where Debian's packages ask whether they may start their services. */
const SERVICE_POLICY = '/usr/sbin/policy-rc.d';

/**
 * Installs through apt what is missing, where we may; otherwise says what to install. Without a browser this ends the process; without a
 * database server only under CI, elsewhere the tests of that server are skipped.
 */
export function ensureTestTools() {
  const packages = [...(findChromium() ? [] : ['chromium']), ...packagesOf(missingServers(), 'apt')];
  if (packages.length > 0 && process.platform === 'linux' && process.getuid?.() === 0) install(packages);
  const failures = [checkChromium(), checkServers(), checkSqlite()].filter(Boolean);
  if (failures.length > 0) process.exit(1);
}

/** The browser the tests use, if there is one. */
export function findChromium() {
  return CANDIDATES.find((path) => path && existsSync(path));
}

function checkChromium() {
  if (findChromium()) return false;
  console.error(
    'The browser tests need Chromium or Chrome. Install it (Debian: apt-get install chromium) or set CHROMIUM_PATH to its program.',
  );
  return true;
}

function checkServers() {
  const missing = missingServers();
  if (missing.length === 0) return false;
  const consequence = CI ? 'Under CI that is a failure' : 'Their tests are skipped';
  console.error(`Not installed: ${missing.join(', ')}. ${consequence}. ${installCommand(missing)}`);
  return CI;
}

/** SQLite's tests need a driver: Node's own where it has one, else better-sqlite3, which is built here and not by the install. */
function checkSqlite() {
  const own = hasSqlite(process.versions.node);
  if (loadsBetterSqlite() || (own && !CI)) return false;
  console.log('Fetching or building better-sqlite3 for the SQLite tests; without a prebuilt one that takes a minute …');
  // pnpm takes a built one from its store, but only for a package that it installs; what it left unbuilt is not looked at again.
  const folder = existsSync(`${ROOT}node_modules/better-sqlite3`) && realpathSync(`${ROOT}node_modules/better-sqlite3`);
  if (folder && /[\\/]\.pnpm[\\/]/.test(folder)) rmSync(dirname(dirname(folder)), { recursive: true, force: true });
  let printed = pnpmQuietly(['install', '--frozen-lockfile']);
  // What came from the store may be for another Node.
  if (!loadsBetterSqlite()) printed = pnpmQuietly(['rebuild', 'better-sqlite3']);
  if (loadsBetterSqlite() || own) return false;
  console.error(printed.split('\n').slice(-40).join('\n'));
  const consequence = CI ? 'under CI that is a failure' : 'the SQLite tests cannot run';
  console.error(
    `better-sqlite3 could not be built: ${consequence}. Install what it needs (Debian: apt-get install make g++ python3; macOS: xcode-select --install) or use Node 22.13 or later.`,
  );
  return CI;
}

function missingServers() {
  return SERVER_KINDS.filter((kind) => !findPrograms(kind));
}

function install(packages) {
  if (!run('apt-get', ['--version'])) return;
  console.log(`Installing ${packages.join(', ')} for the tests …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Tests start servers of their own; the packages' services stay off.
  const ours = !existsSync(SERVICE_POLICY);
  if (ours) writeFileSync(SERVICE_POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    run('apt-get', ['update', '-qq'], env);
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], env);
  } finally {
    if (ours) rmSync(SERVICE_POLICY);
  }
}

/** In a process of its own: this one could not load it a second time. */
function loadsBetterSqlite() {
  return run(process.execPath, ['-e', "new (require('better-sqlite3'))(':memory:').close()"]);
}

/** Returns what pnpm printed; whether it did what it should is for the caller to look at. */
function pnpmQuietly(args) {
  // A Node that npm brings for tests comes first in the PATH of install scripts; the driver is for the Node that runs here.
  const env = { ...process.env, npm_config_target: process.versions.node };
  const result = spawnSync(process.execPath, ['scripts/pnpm.mjs', ...args], { cwd: ROOT, env, encoding: 'utf8' });
  return `${result.stdout}${result.stderr}`;
}

function run(command, args, env = process.env) {
  return spawnSync(command, args, { cwd: ROOT, stdio: 'ignore', env }).status === 0;
}
