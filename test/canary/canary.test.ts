import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ServerKind, sharedDatabase, whyMissing } from '@evertoken/test-servers';
import { afterEach, describe, expect, it } from 'vitest';
import { disguises, Secrets } from './secrets.mjs';
import { everythingOf } from './witness.mjs';

const program = fileURLToPath(new URL('program.mjs', import.meta.url));

/** Where secrets may stand in clear, and why. Everything else that a process leaves behind is searched. */
const DECLARED: readonly { readonly path: RegExp; readonly why: string }[] = [
  { path: /\/plain-store\//, why: 'a file store without `encrypted` keeps tokens in clear, mode 0600' },
  { path: /\/plain-journal\//, why: 'a journal without keys is as plain as the plain store beside it' },
  { path: /\/journal-0\//, why: 'the memory store’s journal has no keys' },
  { path: /\/sealed-file\/.*/, why: 'spoilt by the test itself at the end; its bytes were searched before that' },
];

interface Told {
  readonly secrets: readonly { readonly secret: string; readonly what: string }[];
  readonly seen: readonly { readonly where: string; readonly text: string }[];
  readonly errors: Readonly<Record<string, number>>;
  readonly journalled: Readonly<Record<string, number>>;
  readonly files: readonly { readonly path: string; readonly text: string }[];
}

let directory = '';
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Runs the program to its end. Resolves with what it told, what it printed, and where a secret was found. */
async function canary(options: { readonly leak?: boolean; readonly only?: readonly string[] } = {}) {
  directory = await mkdtemp(join(tmpdir(), 'evertoken-canary-'));
  const urls: Partial<Record<ServerKind, string>> = {};
  for (const kind of ['postgres', 'mariadb', 'redis'] as const) {
    if (!whyMissing(kind)) urls[kind] = await sharedDatabase(kind);
  }
  const { NODE_DEBUG: _, ...env } = process.env;
  const child = fork(program, [], { cwd: directory, env, silent: true, execArgv: ['--trace-warnings'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (printed += data));
  child.send({ directory: join(directory, 'data'), urls, ...options });
  const told = await new Promise<Told>((resolve, reject) => {
    let message: Told | undefined;
    child.once('message', (said) => (message = said as Told));
    child.once('error', reject);
    child.once('close', (code) => {
      if (message) resolve(message);
      else reject(new Error(`the program ended with ${code}: ${printed.slice(-4000)}`));
    });
  }).finally(() => child.kill('SIGKILL'));
  const secrets = new Secrets();
  for (const { secret, what } of told.secrets) secrets.learn(what, secret);
  const places = [
    ...told.seen,
    { where: 'stdout and stderr', text: printed },
    { where: 'names of files', text: told.files.map(({ path }) => path).join('\n') },
    ...told.files
      .filter(({ path }) => !DECLARED.some((declared) => declared.path.test(path)))
      .map(({ path, text }) => ({ where: `file ${path.slice(directory.length)}`, text })),
  ];
  const leaks = places.flatMap(({ where, text }) => secrets.hits(text).map((hit) => `${where}: ${hit}`));
  return { told, printed, secrets, leaks: [...new Set(leaks)] };
}

it('shows no secret anywhere, whatever goes wrong', { timeout: 300_000 }, async () => {
  const { told, printed, secrets, leaks } = await canary();
  expect(leaks).toEqual([]);
  // It was worth the search: there was something to hide, and much went wrong.
  const census = secrets.census();
  for (const what of [
    'app secret',
    'access token',
    'refresh token',
    'encryption key',
    'database password',
    'sign-in code',
    'push token',
    'push key',
  ])
    expect(census[what], what).toBeGreaterThan(0);
  for (const code of ['CONFIGURATION', 'REFUSED', 'TRANSPORT', 'STORE', 'CLOSED', 'REJECTED_AGAIN', 'BUSY'])
    expect(told.errors[`ERR_TOKEN_${code}`], code).toBeGreaterThan(0);
  expect(Object.values(told.journalled).every((entries) => entries > 0)).toBe(true);
  expect(printed).toContain('Evertoken');
  const textOf = (place: string) => told.seen.filter(({ where }) => where === place).map(({ text }) => text);
  expect(textOf('Nest: metrics').join()).toContain('evertoken_failures_total');
  expect(textOf('Nest: span').length).toBeGreaterThan(20);
});

it('finds a secret in everything that it looks at', { timeout: 60_000 }, async () => {
  const { leaks } = await canary({ leak: true, only: [] });
  const places = leaks.filter((leak) => leak.includes('leaked on purpose')).map((leak) => leak.split(':')[0]);
  expect(new Set(places)).toEqual(new Set(['stdout and stderr', 'warning', 'error of a leak', 'file /data/leak.txt']));
});

describe('the search', () => {
  const secrets = new Secrets();
  const secret = secrets.plant('planted');

  it.each(disguises(secret))('finds a secret that is %s', (_, disguise) => {
    expect(secrets.hits(`a text with ${disguise} in it`)).not.toEqual([]);
  });

  it('finds it inside of something longer that is encoded', () => {
    for (const before of ['', 'a', 'ab', 'abc']) {
      const bytes = Buffer.from(`${before}${secret}and more`);
      for (const encoding of ['base64', 'base64url', 'hex'] as const)
        expect(secrets.hits(bytes.toString(encoding)), `${encoding} after "${before}"`).not.toEqual([]);
    }
  });

  it('looks at what errors keep out of sight', () => {
    const hidden = new Error('hidden', { cause: Object.defineProperty(new Error('inner'), 'url', { value: secret }) });
    class Hiding {
      get value() {
        return secret;
      }
    }
    for (const value of [hidden, new Hiding(), new AggregateError([new Error(secret)]), { [Symbol('s')]: secret }])
      expect(secrets.hits(everythingOf(value))).not.toEqual([]);
    expect(secrets.hits(everythingOf(new Error('nothing')))).toEqual([]);
  });
});
