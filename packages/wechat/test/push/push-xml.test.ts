import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildPushXml, type PushMessage, parsePushXml } from '../../src/push.js';
import { TICKET, TICKET_XML } from './pushes.js';

describe('parsePushXml', () => {
  it('reads a push', async () => {
    expect(await parsePushXml(TICKET_XML)).toEqual(TICKET);
  });

  it.each([
    ['text', '<a>b</a>', 'b'],
    ['CDATA', '<a><![CDATA[b]]></a>', 'b'],
    ['a blank before CDATA, as in the documents’ suite_ticket', '<a> <![CDATA[b]]></a>', 'b'],
    ['blanks inside CDATA', '<a><![CDATA[ b\n]]></a>', 'b'],
    ['CDATA in two parts', '<a><![CDATA[b]]]]><![CDATA[>c]]></a>', 'b]]>c'],
    ['blanks between text and CDATA', '<a>b <![CDATA[ c]]></a>', 'b  c'],
    ['nothing', '<a></a>', ''],
    ['a closed element', '<a/>', ''],
    ['empty CDATA', '<a><![CDATA[]]></a>', ''],
    ['numbers as text', '<a>00012345678901234567890</a>', '00012345678901234567890'],
    ['what only looks like a number', '<a>1e5</a>', '1e5'],
    ['true as text', '<a>true</a>', 'true'],
    ['the five entities', '<a>&lt;&gt;&amp;&quot;&apos;</a>', '<>&"\''],
    ['characters by number', '<a>&#20013;&#x6587;&#x1F600;</a>', '中文😀'],
    ['entities once', '<a>&amp;lt;</a>', '&lt;'],
    ['entities in CDATA as they stand', '<a><![CDATA[&lt;&nothing;]]></a>', '&lt;&nothing;'],
    ['an ampersand alone', '<a>b & c</a>', 'b & c'],
    ['markup in CDATA as text', '<a><![CDATA[<!DOCTYPE x><b>1</b>]]></a>', '<!DOCTYPE x><b>1</b>'],
    ['a comment as nothing', '<a>b<!-- <b>1</b> <!DOCTYPE x> -->c</a>', 'bc'],
    ['an instruction as nothing', '<a><?php echo 1 ?>b</a>', 'b'],
    ['attributes as nothing', '<a b="c>" d=\'/\' a="z">b</a>', 'b'],
    ['line ends as XML has them', '<a>b\r\nc\rd</a>', 'b\nc\nd'],
    ['a blank in the closing tag', '<a>b</a >', 'b'],
  ])('reads %s', async (_, xml, value) => {
    const message = await parsePushXml(`<xml>${xml}</xml>`);
    expect(message).toEqual({ a: value });
  });

  it('reads fields below fields, and lists', async () => {
    const xml = '<xml><a><b>1</b><b> 2 </b><b><c>3</c></b></a>text<d/></xml>';
    expect(await parsePushXml(xml)).toEqual({ a: { b: ['1', '2', { c: '3' }] }, d: '' });
  });

  it('keeps a prefix as part of the name', async () => {
    const message = await parsePushXml('<x:xml xmlns:x="urn:x"><x:a>1</x:a><a>2</a></x:xml>');
    expect(message).toEqual({ 'x:a': '1', a: '2' });
  });

  it('reads past a declaration, blanks and comments around the outer element', async () => {
    expect(await parsePushXml('<?xml version="1.0" encoding="GBK"?>\n<!-- x --><xml><a>1</a></xml>\n')).toEqual({
      a: '1',
    });
  });

  it('reads very long text', async () => {
    const long = '长 '.repeat(100_000).trim();
    expect(await parsePushXml(`<xml><a><![CDATA[${long}]]></a></xml>`)).toEqual({ a: long });
  });

  it('reads names that objects have by themselves as nothing but names', async () => {
    const message = await parsePushXml('<xml><toString>1</toString><hasOwnProperty>2</hasOwnProperty></xml>');
    expect(message['toString']).toBe('1');
    expect(message['hasOwnProperty']).toBe('2');
    expect(message['valueOf']).toBeUndefined();
    expect(Object.getPrototypeOf(message)).toBeNull();
  });

  it('reads 16 levels of fields', async () => {
    const deep = (levels: number) => `${'<a>'.repeat(levels)}x${'</a>'.repeat(levels)}`;
    expect(await parsePushXml(deep(16))).toBeDefined();
    await expect(parsePushXml(deep(18))).rejects.toThrow();
    await expect(parsePushXml(deep(100_000))).rejects.toThrow();
  });

  it.each([
    ['a document type', '<!DOCTYPE xml><xml><a>1</a></xml>'],
    ['a document type with entities', '<!DOCTYPE xml [<!ENTITY b "1">]><xml><a>&b;</a></xml>'],
    ['an external document type', '<!DOCTYPE xml SYSTEM "file:///etc/passwd"><xml><a>1</a></xml>'],
    ['a document type below', '<xml><!DOCTYPE xml [<!ENTITY b "1">]><a>1</a></xml>'],
    ['a document type in small letters', '<!doctype xml><xml><a>1</a></xml>'],
    ['an entity declaration alone', '<xml><!ENTITY b "1"><a>1</a></xml>'],
    ['an entity nobody declared', '<xml><a>&b;</a></xml>'],
    ['an entity only HTML has', '<xml><a>&nbsp;</a></xml>'],
    ['an entity with the name of a method', '<xml><a>&toString;</a></xml>'],
    ['the character 0', '<xml><a>&#0;</a></xml>'],
    ['a character beyond the last', '<xml><a>&#x110000;</a></xml>'],
    ['half a character', '<xml><a>&#xD800;</a></xml>'],
    ['two outer elements', '<xml><a>1</a></xml><xml><a>2</a></xml>'],
    ['text beside the outer element', 'text<xml><a>1</a></xml>'],
    ['text behind the outer element', '<xml><a>1</a></xml>text'],
    ['CDATA alone', '<![CDATA[<xml><a>1</a></xml>]]>'],
    ['nothing', ''],
    ['a comment alone', '<!-- a -->'],
    ['CDATA without an end', '<xml><a><![CDATA[1</a></xml>'],
    ['a comment without an end', '<xml><a>1</a><!-- </xml>'],
    ['a tag without an end', '<xml><a'],
    ['a name that begins with a digit', '<xml><1>a</1></xml>'],
    ['the name __proto__', '<xml><__proto__><a>1</a></__proto__></xml>'],
    ['the name constructor', '<xml><constructor><prototype><a>1</a></prototype></constructor></xml>'],
  ])('refuses %s', async (_, xml) => {
    await expect(parsePushXml(xml)).rejects.toThrow();
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });

  it('takes time in proportion to the text, for shapes made to take more', async () => {
    const shapes = ['<', '<a/>', '&', '&a', '&#', '<a b="', '<!--', '<![CDATA[', '<a ', ']]>', '\r', '<?', ' '];
    for (const shape of shapes) {
      const startedAt = performance.now();
      await parsePushXml(`<xml>${shape.repeat(Math.floor(200_000 / shape.length))}</xml>`).catch(() => {});
      // Squared it would be minutes.
      expect(performance.now() - startedAt, shape).toBeLessThan(5_000);
    }
  });
});

describe('buildPushXml', () => {
  it('writes a reply', () => {
    const reply = { ToUserName: 'o1', CreateTime: '1413192605', MsgType: 'news', Articles: { item: [{ Title: 'a' }] } };
    expect(buildPushXml(reply)).toBe(
      '<xml><ToUserName><![CDATA[o1]]></ToUserName><CreateTime>1413192605</CreateTime>' +
        '<MsgType><![CDATA[news]]></MsgType><Articles><item><Title><![CDATA[a]]></Title></item></Articles></xml>',
    );
  });

  it('cannot be left through a value', async () => {
    const value = ']]></a><b>1</b><a><![CDATA[';
    expect(await parsePushXml(buildPushXml({ a: value }))).toEqual({ a: value });
  });

  it('leaves out what XML cannot hold', () => {
    expect(buildPushXml({ a: 'b\u0000\u000b\ud800c\uffff' })).toBe('<xml><a><![CDATA[bc]]></a></xml>');
  });

  it('refuses a name that is none, and a value that is none', () => {
    expect(() => buildPushXml({ 'a><b': '1' })).toThrow(TypeError);
    expect(() => buildPushXml({ a: 1 as unknown as string })).toThrow('"a" must be text, fields or a list, got number');
    expect(() => buildPushXml({ a: null as unknown as string })).toThrow(
      '"a" must be text, fields or a list, got null',
    );
  });

  it('is undone by parsePushXml', async () => {
    const name = fc.stringMatching(/^[A-Z][A-Za-z0-9_]{0,8}$/);
    const markup = fc.constantFrom(
      ']]>',
      '<![CDATA[',
      '<',
      '&amp;',
      '&',
      '<!--',
      '-->',
      '中',
      '😀',
      ' ',
      '\n',
      '1',
      '</xml>',
    );
    const text = fc
      .oneof(
        fc.array(markup, { maxLength: 8 }).map((parts) => parts.join('')),
        fc.string({ maxLength: 20 }),
      )
      .map((value) => value.replace(/[^\t\n\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '').trim());
    const { message } = fc.letrec<{ value: unknown; message: PushMessage }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        text,
        // One value is no list, and none is nothing.
        fc.array(fc.oneof(text, tie('message')), { minLength: 2, maxLength: 3 }),
        tie('message'),
      ),
      message: fc.dictionary(name, tie('value'), { minKeys: 1, maxKeys: 4 }) as fc.Arbitrary<PushMessage>,
    }));
    await fc.assert(
      fc.asyncProperty(message, async (fields) => {
        expect(plain(await parsePushXml(buildPushXml(fields)))).toEqual(plain(fields));
      }),
    );
  });
});

function plain(message: PushMessage): unknown {
  return JSON.parse(JSON.stringify(message));
}
