import { assertKnownKeys, assertRecord, assertText } from '../check.js';
import { assertEncodingKey, optionalUrl } from './account.js';
import type { WeComCallbackChange } from './controls.js';
import type { WeComCorp } from './corp.js';
import type { SuiteApp } from './suite-app.js';

/** Changes where a company's or a suite's pushes go, and their keys. Throws a `TypeError` for what cannot be. */
export function setCallback(target: WeComCorp | SuiteApp, change: WeComCallbackChange): void {
  const members =
    'suiteId' in target ? ['url', 'dataUrl', 'token', 'encodingAESKey'] : ['url', 'token', 'encodingAESKey'];
  assertKnownKeys('the callback', assertRecord('callback', change), members);
  const { url, dataUrl } = change;
  for (const [name, value] of Object.entries({ url, dataUrl })) optionalUrl(name, value ?? undefined);
  if (change.token !== undefined) assertText('token', change.token);
  if (change.encodingAESKey !== undefined) assertEncodingKey(change.encodingAESKey);
  if ('suiteId' in target) changeSuite(target, change);
  else changeCorp(target, change);
}

function changeSuite(suite: SuiteApp, { url, dataUrl, token, encodingAESKey }: WeComCallbackChange): void {
  if (url !== undefined) {
    suite.callbackUrl = url ?? undefined;
    // The platform sends a ticket as soon as there is somewhere to send it.
    suite.tickets.hurry();
  }
  if (dataUrl !== undefined) suite.dataCallbackUrl = dataUrl ?? undefined;
  suite.keys = { token: token ?? suite.keys.token, encodingAESKey: encodingAESKey ?? suite.keys.encodingAESKey };
}

function changeCorp(corp: WeComCorp, { url, token, encodingAESKey }: WeComCallbackChange): void {
  const { url: standing, ...rest } = { ...corp.callback };
  const keys = { token: token ?? rest.token, encodingAESKey: encodingAESKey ?? rest.encodingAESKey };
  if (keys.token === undefined || keys.encodingAESKey === undefined) {
    throw new TypeError('"token" and "encodingAESKey" must be given: this company has no callback yet');
  }
  const target = url === undefined ? standing : (url ?? undefined);
  corp.callback = {
    ...rest,
    token: keys.token,
    encodingAESKey: keys.encodingAESKey,
    ...(target !== undefined && { url: target }),
  };
}
