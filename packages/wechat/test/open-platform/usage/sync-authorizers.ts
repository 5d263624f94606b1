import { platform } from './platform.js';
import { tokens } from './platform-server.js';

/** After the store was lost, or pushes were missed: make it what the platform says. */
export async function sync(): Promise<string[]> {
  const client = platform.client(tokens);
  const { counts, results } = await client.syncAuthorizers({
    onProgress: ({ appId, outcome }) => console.log(appId, outcome),
  });
  console.log(`${counts.added} came back, ${counts.failed} failed`);
  for await (const { appId, name, state } of client.authorizers({ states: ['reauthorize'] })) {
    console.log(`${name ?? appId} has to authorize again (${state})`);
  }
  return results.filter(({ outcome }) => outcome === 'neverExchanged').map(({ appId }) => appId);
}
