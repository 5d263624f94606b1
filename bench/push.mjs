// How many small genuine pushes one core opens in a second, against SHA-1 and AES over the same bytes and nothing else.
import { createDecipheriv, createHash } from 'node:crypto';
import { aesKeyOf, encryptMessage, messageSignature, openPush, plainSignature } from '@evertoken/wechat/push';

const PUSHES = 4_000;
const ROUNDS = 25;
const GOAL = 20_000;
const KEYS = { token: 'console0token', encodingAESKey: 'jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C' };
const KEY = aesKeyOf(KEYS.encodingAESKey);
const COMPONENT = 'wxba5fad812f8e6fb9';
const settings = { keys: [KEYS], receiveIds: [COMPONENT], now: Date.now };

const ticket = `ticket@@@${'x'.repeat(86)}`;
const xml = `<xml><AppId><![CDATA[${COMPONENT}]]></AppId>
<CreateTime>1413192605</CreateTime>
<InfoType><![CDATA[component_verify_ticket]]></InfoType>
<ComponentVerifyTicket><![CDATA[${ticket}]]></ComponentVerifyTicket>
</xml>`;
const json = JSON.stringify({
  AppId: COMPONENT,
  CreateTime: 1413192605,
  InfoType: 'component_verify_ticket',
  ComponentVerifyTicket: ticket,
});

const floorPush = ({ query, encrypt }) => {
  createHash('sha1').update(`${encrypt}${query.nonce}${query.timestamp}${KEYS.token}`).digest('hex');
  const decipher = createDecipheriv('aes-256-cbc', KEY, KEY.subarray(0, 16)).setAutoPadding(false);
  return decipher.update(encrypt, 'base64');
};

console.log('\nPushes opened per second on one core, best and median of rounds');
for (const [name, message, envelope] of [
  [
    'component_verify_ticket, XML',
    xml,
    (encrypt) => `<xml>
    <AppId><![CDATA[${COMPONENT}]]></AppId>
    <Encrypt><![CDATA[${encrypt}]]></Encrypt>
</xml>`,
  ],
  ['the same, JSON', json, (Encrypt) => JSON.stringify({ ToUserName: 'gh_97417a04a28d', Encrypt })],
]) {
  const pushes = Array.from({ length: PUSHES }, (_, at) => pushOf(message, envelope, String(1e9 + at)));
  const rates = { floor: [], open: [] };
  for (let round = 0; round < ROUNDS; round++) {
    rates.floor.push(await rate(() => pushes.forEach(floorPush)));
    rates.open.push(
      await rate(async () => {
        for (const push of pushes) if ((await openPush(push, settings)).kind !== 'message') throw new Error('refused');
      }),
    );
  }
  const [floor, open] = [rates.floor, rates.open].map((all) => all.sort((a, b) => b - a));
  const middle = Math.floor(ROUNDS / 2);
  const verdict = open[0] >= GOAL ? `ok (at least ${GOAL})` : `BELOW ${GOAL}`;
  console.log(
    `  ${name.padEnd(32)} ${show(open[0])} (median ${show(open[middle])})  ${verdict}; ` +
      `floor ${show(floor[0])}, ratio of times ${(floor[0] / open[0]).toFixed(2)}`,
  );
}

function pushOf(message, envelope, nonce) {
  const encrypt = encryptMessage({ message, receiveId: COMPONENT }, KEY);
  const signed = { token: KEYS.token, timestamp: String(Math.floor(Date.now() / 1000)), nonce };
  const query = {
    signature: plainSignature(signed),
    timestamp: signed.timestamp,
    nonce,
    encrypt_type: 'aes',
    msg_signature: messageSignature(signed, encrypt),
  };
  return { method: 'POST', query, headers: {}, body: Buffer.from(envelope(encrypt)), encrypt };
}

async function rate(work) {
  const start = performance.now();
  await work();
  return (PUSHES / (performance.now() - start)) * 1000;
}

function show(perSecond) {
  return Math.round(perSecond).toLocaleString('en');
}
