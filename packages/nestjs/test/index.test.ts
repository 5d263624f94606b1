import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TokenManager } from '@evertoken/core';
import { expect, it } from 'vitest';
import * as entry from '../src/index.js';

const SOURCE = join(import.meta.dirname, '../src');

it('exports what the documentation uses, and nothing by accident', () => {
  expect(Object.keys(entry).sort()).toEqual([
    'InjectAccount',
    'InjectClient',
    'InjectTokenAccounts',
    'InjectTokens',
    'OnTokenEvent',
    'TokenAccounts',
    'TokenManager',
    'TokenModule',
    'cacheStore',
    'getAccountToken',
    'getClientToken',
    'getTokenAccountsToken',
    'getTokenManagerToken',
  ]);
  expect(entry.TokenManager).toBe(TokenManager);
});

it('imports nothing of the optional peer, neither code nor types', () => {
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  expect(files.length).toBeGreaterThan(10);
  for (const file of files) {
    expect(readFileSync(join(SOURCE, file), 'utf8'), file).not.toMatch(
      /from '(@nestjs\/cache-manager|cache-manager|keyv)'/,
    );
  }
});

it('says of every constructor parameter what is injected: nothing depends on decorator metadata', () => {
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  let injected = 0;
  for (const file of files) {
    const code = readFileSync(join(SOURCE, file), 'utf8').replace(/^\s*\/?\*.*$/gm, '');
    // Whatever Nest makes by itself: a factory's product has no decorator.
    for (const [, , parameters = ''] of code.matchAll(
      /@(Injectable|Controller)\([\s\S]*?constructor\(([\s\S]*?)\)\s*\{/g,
    )) {
      const said = parameters.match(/@Inject\w*\([^)]*\)/g)?.length ?? 0;
      const all = parameters
        .replace(/@\w+\([^)]*\)/g, '')
        .split(',')
        .filter((parameter) => parameter.trim() !== '').length;
      expect(said, file).toBe(all);
      injected += said;
    }
  }
  expect(injected).toBeGreaterThan(2);
});
