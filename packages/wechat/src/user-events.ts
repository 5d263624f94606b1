import type { Tokens } from '@evertoken/core';
import type { App } from './app.js';
import { type PushMessage, textOf } from './push/push-message.js';
import { momentOf } from './push/push-moment.js';
import { REFRESH_TOKEN_LIFETIME_MS, USER_TOKEN, userTokenSource } from './user-token.js';

/**
 * What a page can be granted and a user's token does not open: address, invoice, card, microphone, place, picture. All but 205, name and
 * picture of the user. https://developers.weixin.qq.com/doc/service/guide/h5/authorization_change.html
 */
const NOT_OF_THE_TOKEN: readonly string[] = ['201', '202', '203', '204', '206', '207'];
/** Times of events are whole seconds. */
const SECOND_MS = 1_000;

/**
 * Takes a user's stored tokens away where an event says that the user withdrew the authorization, or has closed the WeChat account.
 * One that is older than the user's last sign-in changes nothing. A profile that was changed (`user_info_modified`) is no matter of tokens.
 */
export async function takeUserEvent(app: App, tokens: Tokens, message: PushMessage): Promise<void> {
  if (!app.userTokens || !endsGrant(message)) return;
  const openid = textOf(message, 'OpenID');
  const at = momentOf(textOf(message, 'CreateTime'));
  if (!openid || at === undefined) return;
  const filter = { accounts: [app.account], kinds: [USER_TOKEN.kind], subjects: [openid] };
  for await (const { refreshTokenExpiresAt } of tokens.inspect(filter)) {
    const signedInAt = (refreshTokenExpiresAt ?? 0) - REFRESH_TOKEN_LIFETIME_MS;
    if (at + SECOND_MS <= signedInAt) return;
  }
  await tokens.revoke(userTokenSource(app, openid), { order: at });
}

function endsGrant(message: PushMessage): boolean {
  const event = textOf(message, 'MsgType') === 'event' ? textOf(message, 'Event') : undefined;
  if (event === 'user_authorization_cancellation') return true;
  if (event !== 'user_authorization_revoke') return false;
  const revoked = (textOf(message, 'RevokeInfo') ?? '').split(/[,;\s]+/).filter((code) => code !== '');
  return revoked.length === 0 || revoked.some((code) => !NOT_OF_THE_TOKEN.includes(code));
}
