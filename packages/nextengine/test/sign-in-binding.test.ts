import { describe, expect, it } from 'vitest';
import { settingsOf } from '../src/app-settings.js';
import { BINDING_LIFETIME_MS, bindingProblem, makeBinding, startOversIn } from '../src/sign-in-binding.js';
import { NOW } from './support.js';

const settings = settingsOf({ name: 'erp', clientId: 'c', clientSecret: 'client-secret' });

describe('a binding', () => {
  it('is accepted by another process of the same app, after a trip through JSON', () => {
    const binding = JSON.parse(JSON.stringify(makeBinding(settings, NOW)));
    const elsewhere = settingsOf({ name: 'other name', clientId: 'c', clientSecret: 'client-secret' });
    expect(bindingProblem(elsewhere, binding, NOW + 5_000)).toBeUndefined();
  });

  it('is another one each time and shows no secret', () => {
    const [one, two] = [makeBinding(settings, NOW), makeBinding(settings, NOW)];
    expect(one).not.toBe(two);
    expect(one).not.toContain('client-secret');
  });

  it('lives ten minutes', () => {
    const binding = makeBinding(settings, NOW);
    expect(bindingProblem(settings, binding, NOW + BINDING_LIFETIME_MS)).toBeUndefined();
    expect(bindingProblem(settings, binding, NOW + BINDING_LIFETIME_MS + 1)).toBe('expired');
  });

  it('may come from a process whose clock is ahead', () => {
    expect(bindingProblem(settings, makeBinding(settings, NOW + 60_000), NOW)).toBeUndefined();
  });

  it.each([
    ['another client id', { ...settings, clientId: 'd' }],
    ['another secret', { ...settings, clientSecret: 'other' }],
  ])('of an app with %s is foreign', (_, other) => {
    expect(bindingProblem(settings, makeBinding(other, NOW), NOW)).toBe('foreign');
  });

  it('whose time was changed is foreign', () => {
    const [, count, nonce, signature] = makeBinding(settings, NOW - BINDING_LIFETIME_MS - 1).split('.');
    expect(bindingProblem(settings, [NOW.toString(36), count, nonce, signature].join('.'), NOW)).toBe('foreign');
  });

  it('counts how often its browser has started over, for an hour', () => {
    const third = makeBinding(settings, NOW, 3);
    expect(startOversIn(settings, third, NOW + BINDING_LIFETIME_MS + 1)).toBe(3);
    expect(startOversIn(settings, third, NOW + 60 * 60_000 + 1)).toBe(0);
    expect(startOversIn(settings, makeBinding(settings, NOW), NOW)).toBe(0);
    expect(startOversIn(settings, undefined, NOW)).toBe(0);
  });

  it('whose count was changed is foreign, and counts nothing', () => {
    const changed = makeBinding(settings, NOW, 3).replace('.3.', '.1.');
    expect(bindingProblem(settings, changed, NOW)).toBe('foreign');
    expect(startOversIn(settings, changed, NOW)).toBe(0);
  });

  it.each([undefined, null, ''])('%j is none', (value) => {
    expect(bindingProblem(settings, value, NOW)).toBe('unbound');
  });

  it.each([[1], [{}], [['a']], ['a.b.c'], ['a.0.b.c'], [true]])('%j is none of ours', (value) => {
    expect(bindingProblem(settings, value, NOW)).toBe('foreign');
  });
});
