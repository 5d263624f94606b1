import {
  type MiniProgram,
  type MiniProgramOptions,
  miniProgram,
  type OfficialAccount,
  officialAccount,
} from '../src/index.js';

/** What both take alike. */
export type AppOptionsOf = Omit<MiniProgramOptions, 'onPush'>;

/** Both factories, for what they have in common. */
export const factories: [name: string, make: (options: AppOptionsOf) => OfficialAccount | MiniProgram][] = [
  ['officialAccount', officialAccount],
  ['miniProgram', miniProgram],
];
