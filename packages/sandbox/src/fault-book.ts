import { checkFaultRule, type FaultRule } from './faults.js';
import type { PlatformName } from './platform.js';

/** What a rule is compared with. */
export interface FaultTarget {
  readonly platform: PlatformName;
  readonly endpoint: string;
  readonly path: string;
  readonly account: string | undefined;
  readonly subject: string | undefined;
}

/** The faults that are still to happen. The oldest rule that matches goes first. */
export class FaultBook {
  #rules: { rule: FaultRule; left: number }[] = [];

  add(rule: FaultRule): void {
    const checked = checkFaultRule(rule);
    this.#rules.push({
      rule: checked,
      left: checked.count === 'always' ? Number.POSITIVE_INFINITY : (checked.count ?? 1),
    });
  }

  /** The fault for this call, counted down; undefined if nothing shall go wrong. */
  take(target: FaultTarget): FaultRule | undefined {
    const entry = this.#rules.find(({ rule }) => matches(rule, target));
    if (entry === undefined) return undefined;
    entry.left -= 1;
    if (entry.left <= 0) this.#rules = this.#rules.filter((other) => other !== entry);
    return entry.rule;
  }

  /** The rules with the count that is left. */
  list(): FaultRule[] {
    return this.#rules.map(({ rule, left }) => ({ ...rule, count: Number.isFinite(left) ? left : 'always' }));
  }

  clear(): void {
    this.#rules = [];
  }
}

function matches(rule: FaultRule, target: FaultTarget): boolean {
  return (
    (rule.platform === undefined || rule.platform === target.platform) &&
    (rule.endpoint === undefined || rule.endpoint === target.endpoint || rule.endpoint === target.path) &&
    (rule.account === undefined || rule.account === target.account) &&
    (rule.subject === undefined || rule.subject === target.subject)
  );
}
