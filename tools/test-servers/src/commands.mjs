// Programs that run and end: initialisers, SQL clients.
import { spawn, spawnSync } from 'node:child_process';

/** The environment without what would configure a database's programs. */
export function plainEnvironment(additional = {}) {
  const ours = Object.entries(process.env).filter(([name]) => !/^(PG|MYSQL|MARIADB|LC_|LANG)/.test(name));
  return { ...Object.fromEntries(ours), LC_ALL: 'C', ...additional };
}

/**
 * Resolves with what the program printed; rejects with what it said if it ends with anything but 0.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ uid?: number, gid?: number, cwd?: string, env?: object, input?: string }} [options]
 * @returns {Promise<string>}
 */
export function run(program, args, { input = '', env = plainEnvironment(), ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, env, stdio: 'pipe' });
    const printed = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text) => (printed.out += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (printed.err += text));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(printed.out);
      else reject(failed(program, code ?? signal, printed.err || printed.out));
    });
  });
}

/** The same without an event loop. */
export function runSync(program, args, { input = '', env = plainEnvironment(), ...options } = {}) {
  const result = spawnSync(program, args, { ...options, env, input, encoding: 'utf8' });
  if (result.error) throw result.error;
  if (result.status !== 0) throw failed(program, result.status ?? result.signal, result.stderr || result.stdout);
  return result.stdout;
}

/** The last lines of what a program printed, indented. */
export function lastLines(text, count = 20) {
  return text
    .trimEnd()
    .split('\n')
    .slice(-count)
    .map((line) => `  ${line}`)
    .join('\n');
}

function failed(program, end, text) {
  return new Error(`${program} ended with ${end}:\n${lastLines(text)}`);
}
