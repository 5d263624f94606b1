import type { CallbackRequest } from '@evertoken/core';
import {
  aesKeyOf,
  buildPushXml,
  encryptMessage,
  messageSignature,
  type PushSettings,
  plainSignature,
} from '../../src/push.js';
import { COMPONENT, KEYS, NOON, OTHER_KEYS, plainPushOf, queryOf, SETTINGS } from './pushes.js';
import type { Dice } from './random.js';

/** A genuine request, and what it must come to. */
export interface Specimen {
  readonly name: string;
  readonly request: CallbackRequest;
  readonly settings: PushSettings;
  /** What was signed: in the query under this name, or in the body. */
  readonly encrypt?: string;
  readonly json: boolean;
  /** Which query parameters the signature stands for. */
  readonly signed: readonly string[];
  /** Field texts of the envelope, which nobody signed and nobody reads. */
  readonly beside: readonly string[];
}

/** Bytes of the field that makes a push long. */
const SIZES = [0, 1, 11, 31, 32, 100, 300, 1_000, 20_000];
const SAFE = ['timestamp', 'nonce', 'msg_signature'];
const SEVERAL: PushSettings = { ...SETTINGS, keys: [OTHER_KEYS, KEYS], receiveIds: ['wx0', COMPONENT, ''] };

/** Pushes of every kind and size. */
export function specimens(dice: Dice): Specimen[] {
  return [...SIZES.flatMap((size) => encrypted(size, dice)), ...checks(dice), plain()];
}

function encrypted(size: number, dice: Dice): Specimen[] {
  const content = { InfoType: 'a', CreateTime: '1413192605', Text: dice.bytes(size).toString('base64').slice(0, size) };
  const sealed = (message: string, keys = KEYS) =>
    encryptMessage({ message, receiveId: COMPONENT }, aesKeyOf(keys.encodingAESKey), { random: dice.bytes(16) });
  const xml = sealed(buildPushXml(content));
  const other = sealed(buildPushXml(content), OTHER_KEYS);
  const json = sealed(JSON.stringify(content));
  const post = (encrypt: string, body: string, keys = KEYS): CallbackRequest => ({
    method: 'POST',
    query: queryOf(encrypt, { keys }),
    headers: { 'content-type': 'text/xml', 'user-agent': 'Mozilla/4.0' },
    body: Buffer.from(body),
  });
  const common = { settings: SETTINGS, signed: SAFE };
  return [
    {
      ...common,
      name: `XML as usual, ${size}`,
      request: post(
        xml,
        `<xml>\n  <AppId><![CDATA[besideA]]></AppId>\n  <Encrypt><![CDATA[${xml}]]></Encrypt>\n</xml>`,
      ),
      encrypt: xml,
      json: false,
      beside: ['besideA'],
    },
    {
      ...common,
      name: `XML with several keys, ${size}`,
      settings: SEVERAL,
      request: post(
        other,
        `<xml><ToUserName>besideA</ToUserName> <Encrypt>${other}</Encrypt><AgentID>besideB</AgentID></xml>`,
        OTHER_KEYS,
      ),
      encrypt: other,
      json: false,
      beside: ['besideA', 'besideB'],
    },
    {
      ...common,
      name: `XML, compatibility mode, ${size}`,
      request: post(
        xml,
        `<?xml version="1.0"?><xml><InfoType>besideA</InfoType><Text><![CDATA[besideB]]></Text>\n<Encrypt> <![CDATA[${xml}]]></Encrypt></xml>`,
      ),
      encrypt: xml,
      json: false,
      beside: ['besideA', 'besideB'],
    },
    {
      ...common,
      name: `JSON, ${size}`,
      request: post(json, JSON.stringify({ ToUserName: 'besideA', Encrypt: json })),
      encrypt: json,
      json: true,
      beside: ['besideA'],
    },
    {
      ...common,
      name: `JSON, compatibility mode, several keys, ${size}`,
      settings: SEVERAL,
      request: post(json, JSON.stringify({ Text: 'besideA', Id: 12, Encrypt: json, Nested: { List: ['besideB'] } })),
      encrypt: json,
      json: true,
      beside: ['besideA', 'besideB'],
    },
  ];
}

function checks(dice: Dice): Specimen[] {
  const signed = { token: KEYS.token, timestamp: String(NOON / 1000), nonce: '415670741' };
  const get = (query: Record<string, string>): CallbackRequest => ({
    method: 'GET',
    query: { timestamp: signed.timestamp, nonce: signed.nonce, ...query },
    headers: {},
    body: new Uint8Array(),
  });
  const echostr = encryptMessage(
    { message: '1616140317555161061', receiveId: COMPONENT },
    aesKeyOf(KEYS.encodingAESKey),
    {
      random: dice.bytes(16),
    },
  );
  return [
    {
      name: 'a check of an official account',
      request: get({ signature: plainSignature(signed), echostr: '5836123451234567890' }),
      settings: SETTINGS,
      json: false,
      signed: ['timestamp', 'nonce', 'signature'],
      beside: [],
    },
    {
      name: 'a check of WeCom',
      request: get({ msg_signature: messageSignature(signed, echostr), echostr }),
      settings: { ...SETTINGS, verification: 'encrypted' },
      json: false,
      signed: [...SAFE, 'echostr'],
      beside: [],
    },
  ];
}

function plain(): Specimen {
  return {
    name: 'a plain push',
    request: plainPushOf('<xml><MsgType>text</MsgType></xml>'),
    settings: { ...SETTINGS, plain: true },
    json: false,
    signed: ['timestamp', 'nonce', 'signature'],
    beside: [],
  };
}
