import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// What users' tools make of the package: compilers that emit CommonJS, and a linter that likes type-only imports.

const run = promisify(execFile);
const here = import.meta.dirname;
const require = createRequire(import.meta.url);
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
const root = join(here, '../../..');

/** What programs may take on a machine that is busy with others, ms. */
const BUSY_MS = 120_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(here, '.readme-builds-'));
  // A package of a user, not ours: there the name of ours has to be found among the dependencies.
  await mkdir(join(folder, 'node_modules/@evertoken'), { recursive: true });
  await symlink(join(here, '..'), join(folder, 'node_modules/@evertoken/nestjs'));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'user', type: 'commonjs' }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const node = (...parts: string[]) => run(process.execPath, parts, { cwd: folder, timeout: 100_000 });

describe('CommonJS', () => {
  it(
    'may require every entry, and gets the classes that import gets',
    async () => {
      const program = `const entries = ['', '/callbacks', '/health', '/http'].map((path) => '@evertoken/nestjs' + path);
      const required = entries.map((entry) => require(entry));
      Promise.all(entries.map((entry) => import(entry))).then((imported) => {
        const same = (names, i) => names.length > 0 && names.every((name) => imported[i][name] === required[i][name]);
        console.log(JSON.stringify(imported.map((entry, i) => same(Object.keys(entry), i))));
      });`;
      const { stdout } = await node('--input-type=commonjs', '-e', program);
      expect(JSON.parse(stdout)).toEqual([true, true, true, true]);
    },
    BUSY_MS,
  );

  it(
    'is what a Nest application may be compiled to: injection finds the same classes',
    async () => {
      const program = `import 'reflect-metadata';
import { memoryStore, TokenManager as CoreManager } from '@evertoken/core';
import { InjectTokens, TokenManager, TokenModule } from '@evertoken/nestjs';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';

@Controller()
class Api {
  // By decorator metadata, which this compiler emits, and by token.
  constructor(private readonly tokens: TokenManager, @InjectTokens() private readonly same: TokenManager) {}
  @Get()
  answer() {
    return { same: this.tokens === this.same, core: this.tokens instanceof CoreManager };
  }
}

@Module({
  imports: [ScheduleModule.forRoot(), TokenModule.forRoot({ store: memoryStore() })],
  controllers: [Api],
})
class AppModule {}

async function main() {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  await app.listen(0, '127.0.0.1');
  const answer: unknown = await (await fetch(await app.getUrl())).json();
  const jobs = app.get(SchedulerRegistry).getCronJobs().size;
  await app.close();
  console.log(JSON.stringify({ answer, jobs, format: typeof module }));
}
void main();
`;
      await writeFile(join(folder, 'main.ts'), program);
      const compilerOptions = {
        rootDir: '.',
        outDir: 'out',
        declaration: false,
        experimentalDecorators: true,
        emitDecoratorMetadata: true,
        verbatimModuleSyntax: false,
      };
      const config = { extends: join(root, 'tsconfig.base.json'), compilerOptions, files: ['main.ts'] };
      await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
      await run(process.execPath, [tsc, '-p', folder]).catch((error: { stdout?: string }) => {
        throw new Error(`it does not compile:\n${error.stdout}`);
      });
      expect(await readFile(join(folder, 'out/main.js'), 'utf8')).toContain('require("@evertoken/nestjs")');
      const { stdout } = await node('out/main.js');
      expect(JSON.parse(stdout)).toEqual({ answer: { same: true, core: true }, jobs: 1, format: 'object' });
    },
    BUSY_MS,
  );
});

describe('Biome, with its default rules', () => {
  /** Which of some files have imports that it would make type-only. */
  async function complaints(files: Readonly<Record<string, string>>): Promise<string[]> {
    const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
    const config = { root: true, javascript: { parser: { unsafeParameterDecoratorsEnabled: true } } };
    const project = await mkdtemp(join(folder, 'biome-'));
    await writeFile(join(project, 'biome.json'), JSON.stringify(config));
    for (const [name, code] of Object.entries(files)) await writeFile(join(project, name), code);
    const { stdout } = await run(
      process.execPath,
      [biome, 'lint', '--only=style/useImportType', '--reporter=json', '--max-diagnostics=none', '.'],
      { cwd: project },
    ).catch((error: { stdout: string }) => error);
    const { diagnostics } = JSON.parse(stdout) as { diagnostics: unknown[] };
    return Object.keys(files).filter((name) => JSON.stringify(diagnostics).includes(name));
  }

  const service = (parameter: string) => `import { Inject, Injectable } from '@nestjs/common';
import { TokenManager } from '@evertoken/nestjs';

@Injectable()
export class Service {
  constructor(${parameter}) {}
  readonly inject = Inject;
}
`;

  it(
    'would take the class out of an import that is used as a type only, but leaves @Inject and the README alone',
    async () => {
      const readme = await readFile(join(here, '../README.md'), 'utf8');
      const snippets = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code);
      const importing = snippets.filter((code) => code.includes('import '));
      expect(importing.length).toBeGreaterThan(3);
      const files = {
        'naive.ts': service('private readonly tokens: TokenManager'),
        'injected.ts': service('@Inject(TokenManager) private readonly tokens: TokenManager'),
        ...Object.fromEntries(importing.map((code, i) => [`readme-${i}.ts`, code])),
      };
      expect(await complaints(files)).toEqual(['naive.ts']);
    },
    BUSY_MS,
  );
});
