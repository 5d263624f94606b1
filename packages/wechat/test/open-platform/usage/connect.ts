import { platform } from './platform.js';
import { tokens } from './platform-server.js';

const client = platform.client(tokens);

/** Where to send the browser of an account's administrator. */
export async function begin(session: { binding?: string }): Promise<string> {
  const { url, binding } = await client.authorizationUrl({ redirectUri: 'https://app.example/wechat/authorized' });
  session.binding = binding;
  return url;
}

/** The page at `redirectUri`, with its query. */
export async function end(query: Record<string, unknown>, session: { binding?: string }): Promise<string> {
  const { appId, name, granted } = await client.handleCallback(query, session.binding);
  return granted ? `${name} (${appId}) is connected` : `${name} granted no permission`;
}
