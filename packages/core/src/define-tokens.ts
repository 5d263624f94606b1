import type { TokenManagerOptions } from './options.js';

/** One configuration for the manager, the command line and, spread into it, the Nest module. Checks nothing: who uses it does. */
export function defineTokens<Options extends TokenManagerOptions>(options: Options): Options {
  return options;
}
