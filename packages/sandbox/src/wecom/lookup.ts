import { PROVIDER_SUBJECT } from './account.js';
import type { Agent } from './agent.js';
import type { WeComCorp } from './corp.js';
import type { WeComDirectory } from './directory.js';
import type { Installation } from './installation.js';
import type { SuiteApp } from './suite-app.js';
import type { TokenHolder } from './token-holder.js';

// Each throws a `TypeError` that names the member which leads nowhere.

/** Whose tokens are meant: of one, or of a whole company. */
export function tokenHolders(
  directory: WeComDirectory,
  account: string,
  subject: number | string | undefined,
): TokenHolder[] {
  const target = ownerOf(directory, account);
  if ('suiteId' in target) {
    return [subject === undefined ? target : installedIn(directory, account, String(subject))];
  }
  if (subject === PROVIDER_SUBJECT) return [providerOf(target)];
  if (subject !== undefined) return [agentOf(target, subject)];
  return [...target.agents.values(), ...(target.provider ? [target.provider] : [])];
}

/** Whose secret is meant. */
export function secretHolder(
  directory: WeComDirectory,
  account: string,
  agentId: number | string | undefined,
): TokenHolder & { secret: string } {
  const target = ownerOf(directory, account);
  if ('suiteId' in target) return target;
  if (agentId === undefined) throw new TypeError('"agentId" must tell whose secret it is');
  return agentId === PROVIDER_SUBJECT ? providerOf(target) : agentOf(target, agentId);
}

/** The company or the suite of an id. */
export function ownerOf(directory: WeComDirectory, account: string): WeComCorp | SuiteApp {
  const found = directory.corps.get(account) ?? directory.suites.get(account);
  if (found === undefined) throw new TypeError('"account" is neither a company nor a suite of this sandbox');
  return found;
}

export function corpOf(directory: WeComDirectory, corpId: string): WeComCorp {
  const corp = directory.corps.get(corpId);
  if (corp === undefined) throw new TypeError('"corpId" is not a company of this sandbox');
  return corp;
}

export function suiteOf(directory: WeComDirectory, suiteId: string): SuiteApp {
  const suite = directory.suites.get(suiteId);
  if (suite === undefined) throw new TypeError('"suiteId" is not a suite of this sandbox');
  return suite;
}

export function agentOf(corp: WeComCorp, agentId: number | string): Agent {
  const agent = corp.agents.get(String(agentId));
  if (agent === undefined) throw new TypeError('"agentId" is not an agent of this company');
  return agent;
}

function providerOf({ provider }: WeComCorp) {
  if (provider === undefined) throw new TypeError('"account" is a company that is no provider');
  return provider;
}

/** What stands in a company that has installed the suite. */
export function installedIn(directory: WeComDirectory, suiteId: string, corpId: string): Installation {
  const installation = suiteOf(directory, suiteId).installed(corpId);
  if (installation === undefined) throw new TypeError('"corpId" is not a company that has installed this suite');
  return installation;
}
