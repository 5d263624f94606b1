// A program: is told on stdin what to end, and ends it when stdin does, because then the process that spoke is dead.
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { endNow } from './processes.mjs';

const guarded = new Map();
for await (const line of createInterface({ input: process.stdin })) {
  const server = JSON.parse(line);
  guarded.set(server.folder, server);
}
// No folder: it was ended in order, and the server's id may mean another process by now.
for (const server of guarded.values()) if (existsSync(server.folder)) endNow(server);
