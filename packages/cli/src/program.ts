import { createRequire } from 'node:module';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type CommandResult, exitCodeOf, factsOf } from './command-result.js';
import { forget } from './commands/forget.js';
import { get } from './commands/get.js';
import { importTokens } from './commands/import.js';
import { refresh } from './commands/refresh.js';
import { STATES, type StatusArguments, status } from './commands/status.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { Interruption } from './interruption.js';
import { type ProgramIO, printable } from './program-io.js';
import { isTokenError } from './project-core.js';
import type { CommandContext } from './session.js';
import { UsageError } from './usage-error.js';

const EXIT_CODES = `
Exit codes:
  0    all fresh
  1    some failed
  2    usage or configuration
  3    somebody must sign in
  130  interrupted
`;

type Run = (work: (context: CommandContext) => Promise<CommandResult>) => Promise<void>;

/**
 * The program `evertoken`: arguments without the program's name, and the process it runs in. Resolves with the exit code once
 * everything is stored and said; never rejects for what a user, a platform or a store does.
 */
export async function runProgram(argv: readonly string[], io: ProgramIO): Promise<ExitCode> {
  const interruption = new Interruption(io);
  let exitCode: ExitCode = EXIT.ok;
  const program = new Command('evertoken');
  const run: Run = async (work) => {
    const { json = false, config } = program.opts<{ json?: boolean; config?: string }>();
    exitCode = await say(io, json, interruption, () => work({ io, interruption, configFile: config }));
  };
  describe(program, io);
  addCommands(program, run);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  } finally {
    interruption.end();
  }
  return exitCode;
}

/** Prints what a command has to say, or why it could not do its work. */
async function say(
  io: ProgramIO,
  json: boolean,
  interruption: Interruption,
  work: () => Promise<CommandResult>,
): Promise<ExitCode> {
  try {
    const { document, text, exitCode } = await work();
    io.stdout.write(json ? `${JSON.stringify(document)}\n` : text);
    return exitCode;
  } catch (error) {
    const known = error instanceof UsageError || isTokenError(error);
    if (!known) throw error;
    if (interruption.happened && isTokenError(error) && error.code === 'ERR_TOKEN_ABORTED') return EXIT.interrupted;
    io.stderr.write(`evertoken: ${printable(error.message)}\n`);
    if (json) io.stdout.write(`${JSON.stringify({ error: factsOf(error) })}\n`);
    return isTokenError(error) ? exitCodeOf(error) : EXIT.usage;
  }
}

function describe(program: Command, io: ProgramIO): void {
  const { version } = createRequire(import.meta.url)('../package.json') as { version: string };
  program
    .description('Keeps platform access tokens valid: refreshes, shows, takes over and forgets them.')
    .version(version)
    .option('--config <file>', 'configuration (default: tokens.config.{ts,mts,js,mjs} in the working directory)')
    .option('--json', 'one JSON document on stdout')
    .addHelpText('after', EXIT_CODES)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(`evertoken: ${text.replace(/^error: /, '')}`),
    });
}

const SUBJECT = ['--subject <subject>', 'whose token: a user, an authorizer, an agent'] as const;
const KIND = ['--kind <kind>', 'tokens of this kind only'] as const;

function addCommands(program: Command, run: Run): void {
  program
    .command('refresh')
    .description('ask the platforms for everything that is stored or configured, most urgent first')
    .argument('[account]', 'of this account only')
    .option(...SUBJECT)
    .option(...KIND)
    .option(
      '--concurrency <n>',
      'requests at a time (default: concurrencyPerAccount of the configuration, else 10)',
      count,
    )
    .action((account: string | undefined, options: { subject?: string; kind?: string; concurrency?: number }) =>
      run((context) => refresh(context, { account, ...options })),
    );
  program
    .command('status')
    .description('what is stored of each token, never the token')
    .argument('[account]', 'of this account only')
    .option(...SUBJECT)
    .option(...KIND)
    .addOption(new Option('--state <state>', 'tokens in this state only').choices(STATES))
    .option('--check', 'exit with 3 where somebody must sign in, with 1 where something does not go well')
    .action((account: string | undefined, options: Omit<StatusArguments, 'account' | 'check'> & { check?: boolean }) =>
      run((context) => status(context, { account, ...options, check: options.check ?? false })),
    );
  program
    .command('get')
    .description('make sure that there is a token that lives, and tell its facts')
    .argument('<account>')
    .argument('[kind]', 'may be left out where one kind hangs on no other')
    .option(...SUBJECT)
    .option('--reveal', 'print the token and nothing else')
    .action((account: string, kind: string | undefined, options: { subject?: string; reveal?: boolean }) =>
      run((context) => get(context, { account, kind, ...options, reveal: options.reveal ?? false })),
    );
  program
    .command('forget')
    .description('take a stored token away; a grant then needs a person to sign in')
    .argument('<account>')
    .argument('[kind]', 'may be left out where the account has one')
    .option(...SUBJECT)
    .option('--yes', 'forget a grant without asking')
    .action((account: string, kind: string | undefined, options: { subject?: string; yes?: boolean }) =>
      run((context) => forget(context, { account, kind, ...options, yes: options.yes ?? false })),
    );
  program
    .command('import <file>')
    .description(
      'take over living tokens or pairs of another system, comparing first: a JSON array or JSON lines, - is stdin',
    )
    .option('--dry-run', 'compare, and store nothing')
    .action((file: string, { dryRun = false }: { dryRun?: boolean }) =>
      run((context) => importTokens(context, { file, dryRun })),
    );
}

function count(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new InvalidArgumentError('It must be a whole number of at least 1.');
  return number;
}
