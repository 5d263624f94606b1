// Two instances of the example side by side: one store, one sandbox, one address for the platforms' pushes.
// Environment: STORE_URL (default: files), PORT and PORT + 1 (default: 3001 and 3002; 0: any), HOST, DATA_DIR.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { LocalSandbox } from '../dist/sandbox/local-sandbox.js';
import { startPushBalancer } from '../dist/sandbox/push-balancer.js';

const PROGRAM = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const HOST = process.env.HOST || '127.0.0.1';
const DIRECTORY = join(process.env.DATA_DIR || fileURLToPath(new URL('../data', import.meta.url)), 'two-instances');
const STORE_URL = process.env.STORE_URL || `file:${join(DIRECTORY, 'tokens')}`;
/** The platforms' memory is written down this often: a sandbox that forgot a pair would refuse it after a restart. */
const REMEMBER_EVERY_MS = 500;

async function main() {
  mkdirSync(DIRECTORY, { recursive: true, mode: 0o700 });
  const ports = await portsOf(process.env.PORT);
  const addresses = ports.map((port) => `http://${HOST}:${port}`);
  const sandbox = await LocalSandbox.open(DIRECTORY);
  const balancer = await startPushBalancer(addresses);
  const beat = setInterval(() => sandbox.remember(), REMEMBER_EVERY_MS);
  const children = [];

  let ending;
  const end = () => {
    ending ??= (async () => {
      clearInterval(beat);
      for (const child of children) child.kill('SIGTERM');
      await Promise.all(children.map(exited));
      await balancer.close();
      await sandbox.close();
    })();
    return ending;
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void end());

  console.log(`Sandbox: ${sandbox.url}`);
  console.log(`Pushes: ${balancer.url}`);
  for (const [index, port] of ports.entries()) {
    if (ending) break;
    const name = `Instance ${index + 1}`;
    const child = start(name, {
      HOST,
      PORT: String(port),
      STORE_URL,
      SANDBOX_URL: sandbox.url,
      CALLBACK_URL: balancer.url,
      DATA_DIR: join(DIRECTORY, String(index + 1)),
    });
    children.push(child);
    // One after the other: the first makes the tables, and is there when the first tickets come.
    if (await listening(child)) console.log(`${name}: ${addresses[index]} (process ${child.pid})`);
    void exited(child).then(async () => {
      if (ending) return;
      console.log(`${name} has ended (${child.signalCode ?? `exit code ${child.exitCode}`}); the other goes on`);
      if (children.every((each) => each.exitCode !== null || each.signalCode !== null)) process.exitCode = 1;
      if (process.exitCode) await end();
    });
  }
}

/** The example as `npm start` runs it; what it says goes to this terminal, with its name before each line. */
function start(name, env) {
  const child = spawn(process.execPath, [PROGRAM], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  createInterface({ input: child.stderr }).on('line', (line) => console.error(`${name}: ${line}`));
  return child;
}

/** Resolves when the instance says where it is; with false where it ends before. */
async function listening(child) {
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('Sandbox: ')) continue;
    child.stdout.resume();
    return true;
  }
  await exited(child);
  return false;
}

async function exited(child) {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** Two ports that are free: NextEngine sends browsers back to them, so they are known before the instances start. */
async function portsOf(text = '3001') {
  const first = Number(text || '3001');
  const servers = [createServer(), createServer()];
  for (const [index, server] of servers.entries()) {
    server.listen(first === 0 ? 0 : first + index, HOST);
    await once(server, 'listening');
  }
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

main().catch((error) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
