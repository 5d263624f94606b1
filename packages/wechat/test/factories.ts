import { type MiniProgram, miniProgram, type OfficialAccount, officialAccount } from '../src/index.js';

export type AppOptionsOf = Parameters<typeof officialAccount>[0];

/** Both factories, for what they have in common. */
export const factories: [name: string, make: (options: AppOptionsOf) => OfficialAccount | MiniProgram][] = [
  ['officialAccount', officialAccount],
  ['miniProgram', miniProgram],
];
