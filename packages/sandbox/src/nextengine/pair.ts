import { japanDateTime } from '../calendar.js';
import { hexValue } from '../opaque.js';

/** A user's access token and refresh token. */
export interface NextEnginePair {
  /** Access token. */
  readonly accessToken: string;
  /** Refresh token. */
  readonly refreshToken: string;
  /** `YYYY-MM-DD HH:MM:SS` in Japan, as on the wire. */
  readonly accessTokenEndDate: string;
  /** End of the refresh token, as the platform writes it. */
  readonly refreshTokenEndDate: string;
  /** The same moments, Unix milliseconds. */
  readonly accessTokenExpiresAt: number;
  /** End of the refresh token, Unix ms. */
  readonly refreshTokenExpiresAt: number;
}

export interface PairLives {
  readonly accessTokenLifeMs: number;
  readonly refreshTokenLifeMs: number;
}

/** A pair issued at `time`, cut to the second: the printed end date is the exact one. */
export function makePair(
  time: number,
  lives: PairLives,
  tokens = { accessToken: hexValue(128), refreshToken: hexValue(128) },
): NextEnginePair {
  const second = Math.floor(time / 1000) * 1000;
  const accessTokenExpiresAt = second + lives.accessTokenLifeMs;
  const refreshTokenExpiresAt = second + lives.refreshTokenLifeMs;
  return {
    accessToken: tokens.accessToken,
    refreshToken: tokens.refreshToken,
    accessTokenEndDate: japanDateTime(accessTokenExpiresAt),
    refreshTokenEndDate: japanDateTime(refreshTokenExpiresAt),
    accessTokenExpiresAt,
    refreshTokenExpiresAt,
  };
}
