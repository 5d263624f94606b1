import type { TokenKey } from '@evertoken/core';
import { describe, expect, it } from 'vitest';
import { Layout, SHARDS, shardOf } from '../src/layout.js';
import { keyOf } from './support.js';

describe('the layout in Redis', () => {
  it('never changes: records of an earlier version are found', () => {
    const key = 'et1/platform/app1/access_token' as TokenKey;
    expect(new Layout('evertoken:').ofRecord(key)).toEqual([
      'evertoken:{31}:r:et1/platform/app1/access_token',
      'evertoken:{31}:due:platform/app1',
      'evertoken:{31}:leases',
      'evertoken:{31}:keys',
    ]);
    expect(new Layout('p:').ofDue(5, ['a/b', 'c/d'])).toEqual(['p:{05}:leases', 'p:{05}:due:a/b', 'p:{05}:due:c/d']);
    expect(new Layout('p:').ofList(63)).toEqual(['p:{63}:keys']);
    expect(new Layout('p:').changes).toBe('p:changes');
    expect(SHARDS).toBe(64);
  });

  it('spreads keys over all shards', () => {
    const counts = Array<number>(SHARDS).fill(0);
    for (let i = 0; i < 6_400; i++) {
      const shard = shardOf(keyOf(`user ${i}`));
      counts[shard] = (counts[shard] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(50);
    expect(Math.max(...counts)).toBeLessThan(150);
  });
});
