import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { createSandbox } from './create-sandbox.js';
import type { SandboxOptions } from './options.js';
import type { Sandbox } from './sandbox.js';

const USAGE = `Usage: evertoken-sandbox [--port <number>] [--host <address>] [--accounts <file.json>]

  --port      where to listen; 0 takes a free port (default: 0)
  --host      address to listen on (default: 127.0.0.1)
  --accounts  JSON file with account lists: "wechat", "openPlatforms", "wecom", "dingtalk", "nextengine"
  --help      this text

Prints one line of JSON with the URLs when it is ready. Ends on SIGINT and SIGTERM.
`;

/** What the program needs of its process. */
export interface ProgramHost {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  once(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
}

/** The program `evertoken-sandbox`. Resolves with the exit code when it has ended. */
export async function runProgram(args: readonly string[], host: ProgramHost): Promise<number> {
  let sandbox: Sandbox;
  try {
    const options = await programOptions(args);
    if (options === undefined) {
      host.stdout.write(USAGE);
      return 0;
    }
    sandbox = await createSandbox(options);
  } catch (error) {
    host.stderr.write(`evertoken-sandbox: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) host.once(signal, resolve);
  });
  host.stdout.write(`${JSON.stringify({ url: sandbox.url, urls: sandbox.urls })}\n`);
  await stopped;
  await sandbox.close();
  return 0;
}

/** Options from the command line; undefined for `--help`. */
async function programOptions(args: readonly string[]): Promise<SandboxOptions | undefined> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string' },
      host: { type: 'string' },
      accounts: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return undefined;
  const accounts = values.accounts === undefined ? {} : await readAccounts(values.accounts);
  return {
    ...accounts,
    ...(values.port !== undefined && { port: Number(values.port) }),
    ...(values.host !== undefined && { host: values.host }),
  };
}

async function readAccounts(file: string): Promise<SandboxOptions> {
  const content: unknown = JSON.parse(await readFile(file, 'utf8'));
  if (typeof content !== 'object' || content === null)
    throw new TypeError('"--accounts" must name a file with a JSON object');
  return content as SandboxOptions;
}
