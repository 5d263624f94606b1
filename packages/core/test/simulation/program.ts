import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';

/** A bug: what stands in which source file of core, and what is put there instead. */
export interface Bug {
  readonly changes: readonly (readonly [file: string, from: string, to: string])[];
}

const here = fileURLToPath(new URL('.', import.meta.url));
const sources = fileURLToPath(new URL('../../src/', import.meta.url));

/** Makes one file of the simulation and the core it plays, with a bug planted in the latter if one is given. */
export async function build(file: string, bug?: Bug): Promise<void> {
  const bundle = await rolldown({
    input: join(here, 'main.ts'),
    platform: 'node',
    external: /^node:/,
    plugins: bug
      ? [
          {
            name: 'plant',
            async load(id) {
              const changes = bug.changes.filter(([changed]) => id === join(sources, changed));
              return changes.length > 0 ? planted(await readFile(id, 'utf8'), changes) : null;
            },
          },
        ]
      : [],
  });
  await bundle.write({ file, format: 'esm', codeSplitting: false });
  await bundle.close();
}

/** Runs it; the object that it prints. */
export async function run<Answer>(file: string, ...args: readonly (string | number)[]): Promise<Answer> {
  // Most of what a history makes is rubbish by its end.
  const options = ['--max-semi-space-size=64', file, ...args.map(String)];
  const { stdout } = await promisify(execFile)(process.execPath, options, { maxBuffer: 2 ** 28 });
  return JSON.parse(stdout) as Answer;
}

/** Builds, hands the file over, and removes it. */
export async function withProgram<Answer>(
  directory: string,
  bug: Bug | undefined,
  use: (file: string) => Promise<Answer>,
): Promise<Answer> {
  const file = join(directory, `${bug ? 'planted' : 'sound'}-${process.hrtime.bigint()}.mjs`);
  await build(file, bug);
  return use(file).finally(() => rm(file, { force: true }));
}

function planted(source: string, changes: Bug['changes']): string {
  return changes.reduce((code, [file, from, to]) => {
    if (code.split(from).length !== 2) throw new Error(`${file} must hold this once, to be changed: ${from}`);
    return code.replace(from, () => to);
  }, source);
}
