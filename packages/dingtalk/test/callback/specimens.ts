import type { CallbackRequest } from '@evertoken/core';
import type { CallbackSettings } from '../../src/callback/open-callback.js';
import { KEYS, NONCE, NOON, OTHER_KEYS, pushOf, SETTINGS, SUITE, seal, sign } from './pushes.js';
import type { Dice } from './random.js';

/** A genuine request, and what of it was signed. */
export interface Specimen {
  readonly name: string;
  readonly request: CallbackRequest;
  readonly settings: CallbackSettings;
  readonly encrypt: string;
  /** Which query parameters the platform's signature stands for, the signature itself among them. */
  readonly signed: readonly string[];
}

/** Bytes of the field that makes a push long. */
const SIZES = [0, 1, 11, 31, 32, 100, 300, 1_000, 20_000];
const SEVERAL: CallbackSettings = { ...SETTINGS, keys: [OTHER_KEYS, KEYS], ownerKeys: ['dingkey', SUITE] };
const SPELLINGS = [
  ['signature', 'timestamp'],
  ['msg_signature', 'timestamp'],
  ['msg_signature', 'timeStamp'],
] as const;

/** Pushes of every size and spelling, for one pair of keys and for several. */
export function specimens(dice: Dice): Specimen[] {
  return SIZES.flatMap((size) => [specimen(size, dice, KEYS, SETTINGS), specimen(size, dice, OTHER_KEYS, SEVERAL)]);
}

function specimen(size: number, dice: Dice, keys: typeof KEYS, settings: CallbackSettings): Specimen {
  const [signature, timestamp] = dice.pick(SPELLINGS);
  const event = { EventType: 'suite_ticket', SuiteTicket: dice.bytes(size).toString('base64').slice(0, size) };
  const encrypt = seal({ event, keys, random: dice.bytes(16) });
  const query = {
    [signature]: sign(keys.token, String(NOON), NONCE, encrypt),
    [timestamp]: String(NOON),
    nonce: NONCE,
  };
  const body = JSON.stringify(dice.pick([{ encrypt }, { a: 'beside', encrypt, b: [1, { c: null }] }]));
  const request = pushOf({ encrypt, query, body });
  const name = `${size} bytes, ${signature}, ${timestamp}, ${settings.keys.length} pairs of keys`;
  return { name, request, settings, encrypt, signed: [signature, timestamp, 'nonce'] };
}
