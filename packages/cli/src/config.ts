import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TokenManagerOptions } from '@evertoken/core';
import type { Jiti } from 'jiti';
import { printable } from './program-io.js';
import type { ProjectCore } from './project-core.js';
import { quoted, UsageError } from './usage-error.js';

/** Looked for in the working directory, in this order. */
export const CONFIG_FILES = ['tokens.config.ts', 'tokens.config.mts', 'tokens.config.js', 'tokens.config.mjs'] as const;

/** Options of the Nest module, which takes the same file: they mean nothing here. */
const MODULE_OPTIONS: readonly string[] = ['schedule', 'startOn', 'managerName', 'isGlobal'];

/** A configuration as it was loaded; the manager checks its options. */
export interface Config {
  /** The file's name, for messages. */
  readonly file: string;
  readonly options: TokenManagerOptions;
  readonly core: ProjectCore;
}

/**
 * Loads the configuration: `file`, or the first of `CONFIG_FILES` in `directory`.
 *
 * Rejects with `UsageError` where there is none, where it cannot be loaded, and where its default export is no object.
 */
export async function loadConfig(directory: string, file: string | undefined): Promise<Config> {
  const path = file === undefined ? found(directory) : resolve(directory, file);
  if (!existsSync(path)) throw new UsageError(`--config: there is no file ${file}`);
  const name = file ?? basename(path);
  const jiti = await loaderFor(path);
  const exported = await load(jiti, path, name);
  if (exported === undefined) {
    throw new UsageError(
      `${name} must have a default export: export default defineTokens({ accounts: [ … ], store: … })`,
    );
  }
  if (typeof exported !== 'object' || exported === null || Array.isArray(exported)) {
    throw new UsageError(`the default export of ${name} must be an object, made with defineTokens({ … })`);
  }
  const options = Object.entries(exported).filter(([option]) => !MODULE_OPTIONS.includes(option));
  return { file: name, options: Object.fromEntries(options) as TokenManagerOptions, core: await coreOf(jiti) };
}

function found(directory: string): string {
  const path = CONFIG_FILES.map((name) => resolve(directory, name)).find((candidate) => existsSync(candidate));
  if (path !== undefined) return path;
  throw new UsageError(
    `there is no configuration in ${directory}: expected one of ${quoted(CONFIG_FILES)}, or --config <file>`,
  );
}

async function loaderFor(path: string): Promise<Jiti> {
  const { createJiti } = await import('jiti');
  // A transpiled copy on disk would be a copy of whatever secret stands in the file.
  return createJiti(pathToFileURL(path).href, { fsCache: false, interopDefault: false });
}

async function load(jiti: Jiti, path: string, name: string): Promise<unknown> {
  try {
    const module = await jiti.import<{ readonly default?: unknown } | undefined>(path);
    // A promise of a configuration is one too.
    return await module?.default;
  } catch (error) {
    throw new UsageError(`${name} cannot be loaded: ${reasonOf(error)}`);
  }
}

/** The first line, and where: other lines may quote the source, and what stands in it. */
function reasonOf(error: unknown): string {
  const [reason = '', ...rest] = (error instanceof Error ? error.message : String(error)).split('\n');
  const [, line, column] = /:(\d+):(\d+)\s*$/.exec(rest[0] ?? '') ?? [];
  return printable(reason).trim() + (line === undefined ? '' : ` (line ${line}, column ${column})`);
}

/** The core that the configuration's accounts were made with; ours where the project has none of its own. */
async function coreOf(jiti: Jiti): Promise<ProjectCore> {
  const own = jiti.esmResolve('@evertoken/core', { try: true });
  return own === undefined ? import('@evertoken/core') : jiti.import<ProjectCore>(own);
}
