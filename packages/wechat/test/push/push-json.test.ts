import { describe, expect, it } from 'vitest';
import { parsePushJson } from '../../src/push.js';

describe('parsePushJson', () => {
  it.each([
    ['text', '"b"', 'b'],
    ['blanks around text', '" b\\n"', 'b'],
    ['a number with more digits than JavaScript keeps', '6054768590064713728', '6054768590064713728'],
    ['a number as it is written', '-1.50e3', '-1.50e3'],
    ['text that looks like a field with a number', '"x: 1, [2"', 'x: 1, [2'],
    ['text with quotation marks', '"\\"a\\": 1"', '"a": 1'],
    ['text that ends with a backslash', '"1\\\\"', '1\\'],
    ['true', 'true', 'true'],
    ['fields', '{"b":{"c":1}}', { b: { c: '1' } }],
    ['lists', '[1,"a",[true],{"b":2},null]', ['1', 'a', ['true'], { b: '2' }]],
    ['nothing', 'null', undefined],
  ])('reads %s', (_, json, value) => {
    expect(parsePushJson(`{"a":${json}, "id" : 12345678901234567890}`)).toEqual({
      id: '12345678901234567890',
      ...(value !== undefined && { a: value }),
    });
  });

  it('lets the last of several count', () => {
    expect(parsePushJson('{"a":"1","a":"2"}')).toEqual({ a: '2' });
  });

  it('reads names that objects have by themselves as nothing but names', () => {
    const message = parsePushJson('{"toString":"1"}');
    expect(message['toString']).toBe('1');
    expect(message['valueOf']).toBeUndefined();
    expect(Object.getPrototypeOf(message)).toBeNull();
  });

  it('reads 16 levels', () => {
    const deep = (levels: number) => `${'{"a":'.repeat(levels)}"x"${'}'.repeat(levels)}`;
    expect(parsePushJson(deep(16))).toBeDefined();
    expect(() => parsePushJson(deep(17))).toThrow();
    expect(() => parsePushJson(deep(100_000))).toThrow();
    expect(() => parsePushJson(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)).toThrow();
  });

  it.each([
    ['nothing', ''],
    ['a list', '[]'],
    ['a text', '"a"'],
    ['null', 'null'],
    ['a number as a name', '{1:2}'],
    ['a number with a leading zero', '{"a":01}'],
    ['two numbers in one', '{"a":1.2.3}'],
    ['a comma too many', '{"a":1,}'],
    ['half of it', '{"a":"b"'],
    ['two of it', '{"a":"b"}{"a":"b"}'],
    ['the name __proto__', '{"__proto__":{"x":"1"}}'],
    ['the name constructor', '{"constructor":{"prototype":{"x":"1"}}}'],
  ])('refuses %s', (_, json) => {
    expect(() => parsePushJson(json)).toThrow();
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});
