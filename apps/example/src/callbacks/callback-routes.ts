import type { TokenCallbackRoute } from '@evertoken/nestjs/callbacks';
import { SHOP } from '../accounts.js';
import { ShopMessagesHandler } from '../wechat/shop-messages.handler.js';

/**
 * Where the platforms push to: `/callbacks/<account>`. NextEngine pushes nothing; its browsers come back to a controller, which knows
 * their sessions.
 */
export function callbackRoutesOf(pushed: readonly string[]): TokenCallbackRoute[] {
  return pushed.map((name) => {
    const path = `callbacks/${name}`;
    return name === SHOP ? { path, handler: ShopMessagesHandler } : { path, account: name };
  });
}
