import { describe, expect, it } from 'vitest';
import { snsSignature, suiteSignature } from '../src/index.js';
import { vector } from './callback/vectors.js';

const H1 = vector('H1');
const H3 = vector('H3');
const sns = () => snsSignature(H1.inputs('secret'), H1.inputs('timestamp'));
const suite = () => suiteSignature(H3.inputs('secret'), H3.inputs('timestamp'), H3.inputs('suiteTicket'));

describe('signed calls', () => {
  it('H1: the time alone, with the personal app’s secret', () => {
    expect(sns()).toBe(H1.expected('signature'));
    expect(snsSignature(H1.inputs('secret'), Number(H1.inputs('timestamp')))).toBe(H1.expected('signature'));
  });

  it('H3: time, line feed and suite ticket, with the suite’s secret', () => {
    expect(suite()).toBe(H3.expected('signature'));
    const { inputs, expected } = H3;
    for (const joined of [' ', '\r\n', '', '\\n'].map((by) => `${inputs('timestamp')}${by}${inputs('suiteTicket')}`))
      expect(snsSignature(inputs('secret'), joined)).not.toBe(expected('signature'));
  });

  it.each([
    ['H1', sns, H1],
    ['H3', suite, H3],
  ] as const)('%s keeps its plus sign through one encoding, both ways', (_id, signature, { expected }) => {
    expect(signature()).toContain('+');
    expect(encodeURIComponent(signature())).toBe(expected('encoded'));
    const query = new URLSearchParams({ signature: signature() }).toString();
    expect(query).toBe(`signature=${expected('encoded')}`);
    expect(new URLSearchParams(query).get('signature')).toBe(expected('signature'));
  });

  it('the plus sign replaced by "%20" before encoding, as some code does, is another signature', () => {
    const replaced = new URLSearchParams({ signature: sns().replaceAll('+', '%20') }).toString();
    expect(new URLSearchParams(replaced).get('signature')).not.toBe(sns());
    // Replaced behind it, as the platform's own sample does, it changes nothing: no blank is in base64.
    expect(encodeURIComponent(sns()).replaceAll('+', '%20')).toBe(encodeURIComponent(sns()));
  });
});
