// Redis as tests start it: every write is in the append-only file before it is acknowledged.
import { redisCommand } from './redis-protocol.mjs';

/** @type {import('./kind.mjs').Kind} */
export const redis = {
  title: 'Redis',
  users: [],
  shutdownSignal: 'SIGTERM',
  // No file is named first, so no configuration of the machine is read.
  command({ programs, port, folder, settings }) {
    const all = {
      port: String(port),
      bind: '127.0.0.1',
      dir: folder,
      daemonize: 'no',
      save: '',
      appendonly: 'yes',
      appendfsync: 'always',
      ...settings,
    };
    return [programs['redis-server'], Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])];
  },
  async ready({ port, pid }) {
    const server = await redisCommand(port, ['INFO', 'server'], 1_000);
    if (!server.includes(`\r\nprocess_id:${pid}\r\n`)) throw new Error('another server has this port');
    // Refused while the append-only file is read.
    await redisCommand(port, ['PING'], 1_000);
  },
  url: (port) => `redis://127.0.0.1:${port}`,
};
