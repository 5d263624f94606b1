import { randomBytes } from 'node:crypto';

/** Random lower-case hexadecimal characters. */
export function hexValue(characters: number): string {
  return randomBytes(Math.ceil(characters / 2))
    .toString('hex')
    .slice(0, characters);
}

/** Random URL-safe characters. */
export function urlSafeValue(characters: number): string {
  return randomBytes(characters).toString('base64url').slice(0, characters);
}
