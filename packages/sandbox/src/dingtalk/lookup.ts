import { assertKnownKeys, assertRecord } from '../check.js';
import type { DingTalkApp } from './app.js';
import type { DingTalkClient } from './client.js';
import type { DingTalkDirectory } from './directory.js';
import type { Installation } from './installation.js';
import type { DingTalkSuite } from './suite.js';
import type { DingTalkUserSettings } from './users.js';

/** Finds what a control names, or throws a `TypeError` that begins with the wrong member. */

export function appOf(directory: DingTalkDirectory, appKey: string): DingTalkApp {
  const app = directory.app(appKey);
  if (app === undefined) throw new TypeError('"appKey" is not an account of this sandbox');
  return app;
}

export function suiteOf(directory: DingTalkDirectory, suiteKey: string): DingTalkSuite {
  const suite = directory.suite(suiteKey);
  if (suite === undefined) throw new TypeError('"suiteKey" is not a suite of this sandbox');
  return suite;
}

export function clientOf(directory: DingTalkDirectory, key: string): DingTalkClient {
  const client = directory.client(key);
  if (client === undefined) throw new TypeError('"client" is neither an app nor a suite of this sandbox');
  return client;
}

export function installedIn(directory: DingTalkDirectory, suiteKey: string, corpId: string): Installation {
  const installation = suiteOf(directory, suiteKey).installations.get(corpId);
  if (installation === undefined) throw new TypeError('"corpId" has never enabled this suite');
  return installation;
}

/** The user of this union id, or the first. */
export function userOf(client: DingTalkClient, unionId: string | undefined): DingTalkUserSettings {
  const user = unionId === undefined ? client.users[0] : client.user(unionId);
  if (user === undefined) throw new TypeError('"unionId" is not a user of this client');
  return user;
}

export function checkOptions<T extends object>(options: T, known: readonly string[]): T {
  assertKnownKeys('the options', assertRecord('options', options), known);
  return options;
}
