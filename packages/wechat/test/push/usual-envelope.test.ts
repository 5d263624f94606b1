import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { usualCiphertext } from '../../src/push/usual-envelope.js';
import { parsePushXml } from '../../src/push.js';

describe('usualCiphertext', () => {
  it.each([
    '<xml><AppId><![CDATA[wx1]]></AppId><Encrypt><![CDATA[a+/=]]></Encrypt></xml>',
    '<xml>\n<ToUserName>gh_1</ToUserName>\n<Encrypt>a+/=</Encrypt>\n</xml>\n',
    '<xml><ToUserName>ww1</ToUserName><AgentID>1000002</AgentID><Encrypt><![CDATA[a+/=]]></Encrypt></xml>',
    '<xml><ToUserName></ToUserName><Encrypt>a+/=</Encrypt><AgentID><![CDATA[]]></AgentID></xml>',
  ])('reads %j', async (envelope) => {
    expect(usualCiphertext(envelope)).toBe('a+/=');
    expect((await parsePushXml(envelope))['Encrypt']).toBe('a+/=');
  });

  it.each([
    '<xml><Encrypt></Encrypt></xml>',
    '<xml><Encrypt>a&#43;</Encrypt></xml>',
    '<xml><Encrypt> a</Encrypt></xml>',
    '<xml><Encrypt>a</Encrypt><Encrypt>b</Encrypt></xml>',
    '<xml><AppId>wx1</ToUserName><Encrypt>a</Encrypt></xml>',
    '<xml><!-- --><Encrypt>a</Encrypt></xml>',
    '<xml><Text>1</Text><Encrypt>a</Encrypt></xml>',
    '<!DOCTYPE xml><xml><Encrypt>a</Encrypt></xml>',
    '<xml><Encrypt>a</Encrypt></xml><xml></xml>',
    '{"Encrypt":"a"}',
  ])('leaves %j to the parser', (envelope) => {
    expect(usualCiphertext(envelope)).toBeUndefined();
  });

  it('finds what the parser finds, wherever it finds anything', async () => {
    const parts = [
      '<xml>',
      '</xml>',
      '<Encrypt>',
      '</Encrypt>',
      '<![CDATA[',
      ']]>',
      'QUJD',
      '+/=',
      '<AppId>',
      '</AppId>',
    ];
    const more = [
      '<AgentID>',
      '</AgentID>',
      'gh_1',
      ' ',
      '\n',
      '\ufeff',
      '\u2028',
      '&amp;',
      '<!-- -->',
      '<Encrypt/>',
      '>',
      '<',
    ];
    const beside = fc.constantFrom(
      '',
      '<AppId>wx1</AppId>',
      '<AgentID><![CDATA[1]]></AgentID>\n',
      '<ToUserName/>',
      ' ',
    );
    const near = fc
      .tuple(
        fc.constantFrom('', '\n', '\ufeff'),
        beside,
        beside,
        fc.constantFrom('QUJD', '<![CDATA[QUJD+/==]]>', ''),
        beside,
      )
      .map(([start, a, b, value, c]) => `${start}<xml>${a}${b}<Encrypt>${value}</Encrypt>${c}</xml>${start}`);
    const edited = fc
      .tuple(near, fc.nat(), fc.constantFrom('', ...parts, ...more), fc.nat({ max: 6 }))
      .map(([text, at, put, cut]) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + put + text.slice(place + cut);
      });
    const any = fc.array(fc.constantFrom(...parts, ...more), { maxLength: 14 }).map((all) => all.join(''));
    let found = 0;
    await fc.assert(
      fc.asyncProperty(fc.oneof(near, edited, any), async (text) => {
        const ciphertext = usualCiphertext(text);
        if (ciphertext === undefined) return;
        found++;
        expect((await parsePushXml(text.trimStart()))['Encrypt']).toBe(ciphertext);
      }),
      { numRuns: 3_000 },
    );
    expect(found).toBeGreaterThan(300);
  });
});
