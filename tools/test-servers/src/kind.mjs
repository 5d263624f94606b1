// What a kind of server must say about itself so that it can be started, asked and ended.
import { mariadb } from './mariadb.mjs';
import { postgres } from './postgres.mjs';
import { redis } from './redis.mjs';

/**
 * @typedef {object} Place where a server runs
 * @property {Record<string, string>} programs their paths by name
 * @property {string} folder everything of this server's
 * @property {string} data a folder in it: the data
 * @property {number} port
 * @property {number} pid
 * @property {Readonly<Record<string, string>>} settings further ones, in the server's own words
 * @property {{ uid?: number, gid?: number, cwd: string, env: NodeJS.ProcessEnv }} as who runs programs for it, and where
 */

/**
 * @typedef {object} Kind
 * @property {string} title
 * @property {readonly string[]} users whom to become instead of root; the first that exists
 * @property {NodeJS.Signals} shutdownSignal an orderly end that waits for no client
 * @property {NodeJS.Signals} [quitSignal] a quick end; without one SIGKILL is as good
 * @property {(place: Place) => Promise<void>} [createData] fills `data`; slow, so it is done once and copied
 * @property {(place: Place) => [program: string, args: string[]]} command
 * @property {(place: Place) => Promise<void>} [clear] removes what a killed server left behind, in its folder and outside
 * @property {(place: Place) => Promise<void>} ready rejects until this very server answers
 * @property {(port: number) => string} url
 */

/** @type {Record<import('./index.d.ts').ServerKind, Kind>} */
export const KINDS = { redis, postgres, mariadb };
