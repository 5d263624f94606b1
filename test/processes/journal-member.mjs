// A process with one grant, a store on a server and a journal on this host's disk. It starts, says what it has, renews when
// it is told to, and says what the platform gave it.
import { TokenManager, tokenKeyOf } from '@evertoken/core';
import { fileJournal } from '@evertoken/core/file';
import { postgresStore } from '@evertoken/store-sql/postgres';

const [url, directory] = process.argv.slice(2);
const source = {
  key: tokenKeyOf({ platform: 'journalled', id: 'app', kind: 'access_token', subject: ['user'] }),
  account: 'shop',
  kind: 'access_token',
  subject: 'user',
  issuance: 'rotating',
  keep: 'grant',
  lifetime: 'remaining',
  async issue({ current }) {
    // The platform has rotated the pair by now; its answer is on the way until the parent lets it through.
    await new Promise((resolve) => {
      process.once('message', resolve);
      process.send({ asked: current.refreshToken });
    });
    return { value: 'T1', refreshToken: 'R1', lifetimeMs: 7_200_000 };
  },
};
const account = {
  platform: 'journalled',
  name: 'shop',
  id: 'app',
  kinds: [source],
  problems: () => [],
  sources: () => [],
  source: () => source,
  client: () => undefined,
};
const tokens = new TokenManager({
  accounts: [account],
  store: postgresStore({ url }),
  journal: fileJournal({ directory }),
});
process.once('message', async (task) => {
  await tokens.start();
  if (task === 'sign in')
    await tokens.adopt(source, { value: 'T0', refreshToken: 'R0', lifetimeMs: 7_200_000 }, { grant: true });
  else if (task === 'renew') await tokens.refresh(source);
  process.send({ has: (await tokens.get(source)).value });
});
