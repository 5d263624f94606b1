import { describe, expect, it } from 'vitest';
import { publicId, publicText, sendToPlatform } from '../src/index.js';

const SECRET = 'f3a9+c71/b8e04d25';

describe('publicText', () => {
  it.each([
    ['raw', `bad secret ${SECRET}!`, 'bad secret <redacted>!'],
    ['percent-encoded', `at ?s=${encodeURIComponent(SECRET)}&x=1`, 'at ?s=<redacted>&x=1'],
    ['percent-encoded twice', `at ${encodeURIComponent(encodeURIComponent(SECRET))}`, '<redacted>'],
    ['cut short', `bad secret ${SECRET.slice(0, 9)}…`, '<redacted>'],
    ['not in it', 'bad\n\tsecret', 'bad secret'],
  ])('shows no secret that is %s', (_, text, shown) => {
    expect(publicText(text, [SECRET, ''])).toBe(shown);
  });
});

describe('publicId', () => {
  it.each([40014, '40014', '-1', 'invalidParameter.token.expired', 'e1b3a3a6-3ee1-4d7e-9a1f-0123456789ab', '5f2-1c_x'])(
    'keeps %s',
    (id) => {
      expect(publicId(id)).toBe(String(id));
    },
  );

  it.each(['f3a9c71b8e04d25f3a9c71b8e04d25aa', 'a text', SECRET, '', undefined, {}, 'a.'.repeat(60)])(
    'does not take %s for a code or an id',
    (value) => {
      expect(publicId(value)).toBeUndefined();
    },
  );
});

it('tells no header’s value, though fetch quotes the one it refuses', async () => {
  const value = `${SECRET}\n${SECRET}`;
  const error: unknown = await sendToPlatform({
    url: 'http://127.0.0.1:9/',
    account: 'shop',
    fetch,
    headers: { token: value },
  }).catch((refused: unknown) => refused);
  const { message, cause } = error as Error & { cause: Error };
  expect(`${message} ${cause.message} ${cause.stack}`).not.toContain(SECRET);
  expect(cause.message).toContain('header');
});
