// Programs that tests need and npm does not bring. Installed where that is possible, named where it is not.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const CANDIDATES = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** The browser the tests use, if there is one. */
export function findChromium() {
  return CANDIDATES.find((path) => path && existsSync(path));
}

/** Installs Chromium through apt where we may; otherwise says what to install. Under CI a missing browser is a failure. */
export function ensureChromium() {
  if (findChromium()) return;
  if (process.platform === 'linux' && process.getuid?.() === 0 && run('apt-get', ['--version'])) {
    console.log('Installing chromium for the browser tests …');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    run('apt-get', ['update', '-qq'], env);
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], env);
  }
  if (findChromium()) return;
  console.error(
    'The browser tests need Chromium or Chrome. Install it (Debian: apt-get install chromium) or set CHROMIUM_PATH to its program.',
  );
  process.exit(1);
}

function run(command, args, env = process.env) {
  return spawnSync(command, args, { stdio: 'ignore', env }).status === 0;
}
