import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeWithSqlite } from '@evertoken/test-servers';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entriesOf, type Packed, packAll, projectWith, ROOT, run } from './packed.js';

const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');
/** Loads every entry both ways and prints what differs. */
const BOTH_WAYS = `
const entries = JSON.parse(process.argv[2]);
(async () => {
  for (const entry of entries) {
    const required = require(entry);
    const imported = await import(entry);
    for (const name of Object.keys(imported)) {
      if (required[name] !== imported[name]) console.log(entry + ': ' + name + ' is another one');
    }
  }
  console.log('done');
})();
`;

/** A line that only compiles where the types of a module were found. */
const isNotAny = (name: string) => `export const ${name}IsAny: 0 extends 1 & typeof ${name} ? true : false = false;`;

let packed: Packed;
let project: string;
let entries: readonly string[];
beforeAll(async () => {
  packed = await packAll();
  project = await projectWith(packed, { optionalPeers: true });
  entries = packed.manifests.flatMap((manifest) => entriesOf(manifest));
}, 120_000);
afterAll(() => packed?.remove());

describe('a packed package', () => {
  it('holds what was built, a README and the licence, and nothing else', async () => {
    for (const { name, files } of packed.manifests) {
      const there = await readdir(packed.at(name));
      expect([name, ...there.sort()]).toEqual([name, ...['LICENSE', 'package.json', ...files].sort()]);
      const all = await readdir(packed.at(name), { recursive: true });
      expect(all.filter((file) => /\.tsx?$|\.map$|test/i.test(file) && !/\.d\.ts$|testing/.test(file))).toEqual([]);
    }
  });

  it('depends on versions and on no workspace', async () => {
    for (const { name } of packed.manifests) {
      const text = await readFile(join(packed.at(name), 'package.json'), 'utf8');
      expect(text, name).not.toMatch(/"(workspace|catalog|link|file):/);
    }
  });

  it('has a manifest without faults', async () => {
    for (const { name } of packed.manifests) {
      const pkgDir = packed.at(name);
      const manifest = JSON.parse(await readFile(join(pkgDir, 'package.json'), 'utf8'));
      const { messages } = await publint({ pkgDir, pack: false, strict: true });
      expect([name, ...messages.map((message) => formatMessage(message, manifest, { color: false }))]).toEqual([name]);
    }
  });
});

describe('types', () => {
  it.each([
    ['nodenext', 'nodenext'],
    ['node20', 'nodenext'],
    ['commonjs', 'bundler'],
    ['esnext', 'bundler'],
  ])('resolve under "module": "%s"', async (module, moduleResolution) => {
    const uses = (style: (name: string, entry: string) => string) =>
      entries.map((entry, at) => `${style(`entry${at}`, entry)}\n${isNotAny(`entry${at}`)}`);
    const imports = uses((name, entry) => `import * as ${name} from '${entry}';`);
    const requires = uses((name, entry) => `import ${name} = require('${entry}');`);
    const files = module.startsWith('node')
      ? { 'user.mts': imports, 'user.cts': requires }
      : { 'user.ts': module === 'commonjs' ? requires : imports };
    for (const [file, lines] of Object.entries(files)) await writeFile(join(project, file), lines.join('\n'));
    const options = ['--strict', '--noEmit', '--skipLibCheck', '--target', 'es2022', '--types', 'node'];
    const roots = ['--typeRoots', join(ROOT, 'node_modules/@types')];
    const modes = ['--module', module, '--moduleResolution', module === 'node20' ? 'node16' : moduleResolution];
    const said = await run(process.execPath, [TSC, ...options, ...roots, ...modes, ...Object.keys(files)], {
      cwd: project,
    }).catch(({ stdout }: { stdout: string }) => ({ stdout }));
    expect(said.stdout).toBe('');
  });
});

it('the declarations compile without anybody’s leave, where only ours are needed', async () => {
  const ours = /^@evertoken\/(core|wechat|dingtalk|nextengine|sandbox|opentelemetry|cli)\b/;
  const lines = entries.filter((entry) => ours.test(entry)).map((entry, at) => `export * as e${at} from '${entry}';`);
  await writeFile(join(project, 'declarations.mts'), lines.join('\n'));
  const options = ['--strict', '--exactOptionalPropertyTypes', '--noEmit', '--module', 'nodenext', '--types', 'node'];
  const roots = ['--typeRoots', join(ROOT, 'node_modules/@types')];
  const said = await run(process.execPath, [TSC, ...options, ...roots, 'declarations.mts'], { cwd: project }).catch(
    ({ stdout }: { stdout: string }) => ({ stdout }),
  );
  expect(said.stdout).toBe('');
});

describe('code', () => {
  it.each([
    ['this Node', () => process.execPath],
    ['a Node with its own SQLite', () => nodeWithSqlite() ?? process.execPath],
  ])('can be required and imported by %s, and is the same code', async (_node, program) => {
    await writeFile(join(project, 'both-ways.cjs'), BOTH_WAYS);
    const said = await run(program(), ['both-ways.cjs', JSON.stringify(entries)], { cwd: project });
    expect(said).toEqual({ stdout: 'done\n', stderr: '' });
  });

  it('loads without the optional peers, but for the entries that are about them', async () => {
    const bare = await projectWith(packed, { optionalPeers: false });
    await writeFile(join(bare, 'both-ways.cjs'), BOTH_WAYS);
    const others = entries.filter((entry) => !['@evertoken/nestjs/http', '@evertoken/nestjs/health'].includes(entry));
    const said = await run(process.execPath, ['both-ways.cjs', JSON.stringify(others)], { cwd: bare });
    expect(said).toEqual({ stdout: 'done\n', stderr: '' });
  });
});
