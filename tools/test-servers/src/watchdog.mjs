// A program: is told on stdin which servers run, and ends them when stdin does, because then the process that started them is dead.
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { endNow } from './processes.mjs';

const servers = new Map();
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (message.guard) servers.set(message.guard.pid, message.guard);
  else servers.delete(message.unguard);
}
// No folder: the process ended the server itself, and its id may mean another process by now.
for (const server of servers.values()) if (existsSync(server.folder)) endNow(server);
