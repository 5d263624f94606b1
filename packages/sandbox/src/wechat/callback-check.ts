import { jsonObject } from '../request.js';
import { tokenEndpoint } from './endpoints.js';
import { WeChatError } from './errors.js';

const ACTIONS: readonly unknown[] = ['all', 'dns', 'ping'];
const OPERATORS: readonly unknown[] = ['DEFAULT', 'CHINANET', 'UNICOM', 'CAP'];

/** Looks whether the callback URL can be reached; here it always can. */
export const callbackCheck = tokenEndpoint('/cgi-bin/callback/check', 'POST', (app, { text }) => {
  const { action, check_operator: operator = 'DEFAULT' } = jsonObject(text) ?? {};
  if (app.settings.push?.url === undefined) throw new WeChatError(40201);
  if (!ACTIONS.includes(action)) throw new WeChatError(40202);
  if (!OPERATORS.includes(operator)) throw new WeChatError(40203);
  const dns = { dns: [{ ip: '203.0.113.30', real_operator: 'UNICOM' }] };
  const ping = { ping: [{ ip: '203.0.113.30', from_operator: operator, package_loss: '0%', time: '12.000ms' }] };
  return { ...(action !== 'ping' && dns), ...(action !== 'dns' && ping) };
});
