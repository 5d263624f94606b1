// Test files run in processes of their own; what they share is kept by one process and asked for over HTTP on 127.0.0.1.
import { randomBytes } from 'node:crypto';
import { createServer, get } from 'node:http';
import { SharedDatabases } from './databases.mjs';

/** Where the broker of this run listens; inherited by every process that the runner starts. */
const ADDRESS = 'EVERTOKEN_TEST_SERVERS';

let own;

/**
 * Starts the broker and tells the processes that this one starts from now on where it is.
 * @returns {Promise<{ stop(): Promise<void> }>}
 */
export async function startBroker() {
  const databases = new SharedDatabases();
  // Not every program on this machine may start servers.
  const secret = randomBytes(16).toString('hex');
  const server = createServer(async (request, response) => {
    const [, given, what, kind] = request.url.split('/');
    if (given !== secret) return response.writeHead(404).end();
    try {
      response.end(JSON.stringify({ value: await databases[what](kind) }));
    } catch (error) {
      response.writeHead(500).end(JSON.stringify({ error: error.message }));
    }
  });
  await new Promise((resolve, reject) => server.on('error', reject).listen(0, '127.0.0.1', resolve));
  process.env[ADDRESS] = `http://127.0.0.1:${server.address().port}/${secret}`;
  return {
    async stop() {
      delete process.env[ADDRESS];
      server.close();
      server.closeAllConnections();
      await databases.end();
    },
  };
}

/**
 * Asks the run's broker; without one, this process keeps what it asks for itself, until it ends.
 * @param {'database' | 'template'} what
 * @param {import('./index.d.ts').ServerKind | 'mysql'} kind
 * @returns {Promise<string | undefined>}
 */
export async function shared(what, kind) {
  const address = process.env[ADDRESS];
  if (address) return ask(`${address}/${what}/${kind}`);
  if (!own) {
    own = new SharedDatabases();
    process.on('exit', () => own.endForeign());
  }
  return own[what](kind);
}

/** Not `fetch`, which tests replace. */
function ask(address) {
  return new Promise((resolve, reject) => {
    get(address, { agent: false }, async (response) => {
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += chunk;
      if (response.statusCode === 200) return resolve(JSON.parse(text).value);
      reject(new Error(text ? JSON.parse(text).error : `test servers: ${response.statusCode}`));
    }).on('error', reject);
  });
}
