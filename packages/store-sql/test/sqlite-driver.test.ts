import { describe, expect, it, vi } from 'vitest';

/** What better-sqlite3 throws where its install script did not run, or ran for another Node. */
const UNBUILT: readonly (readonly [message: string, code?: string])[] = [
  ['Could not locate the bindings file. Tried:\n → /somewhere/build/better_sqlite3.node'],
  ['The module was compiled against a different Node.js version', 'ERR_DLOPEN_FAILED'],
];

vi.mock('better-sqlite3', () => ({
  default: class {
    constructor(filename: string) {
      const [message = filename, code] = UNBUILT[Number(filename)] ?? [];
      throw Object.assign(new Error(message), code && { code });
    }
  },
}));
// Newer ones have an SQLite of their own.
vi.spyOn(process.versions, 'node', 'get').mockReturnValue('20.19.0');

const { openSqlite } = await import('../src/sqlite/driver.js');

describe('better-sqlite3', () => {
  it.each(['0', '1'])(
    'that is there and not built is a matter of configuration, with the way out: %s',
    async (filename) => {
      await expect(openSqlite(filename)).rejects.toMatchObject({
        code: 'ERR_TOKEN_CONFIGURATION',
        message: expect.stringMatching(/^sqliteStore .*npm rebuild better-sqlite3/),
      });
    },
  );

  it('that cannot open a file says so itself', async () => {
    await expect(openSqlite('no such directory')).rejects.toThrow(/^no such directory$/);
  });
});
