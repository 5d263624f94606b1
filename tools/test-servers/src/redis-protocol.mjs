// One Redis command on one connection: enough to ask a server how it is and to make a cluster.
import { connect } from 'node:net';

/**
 * Resolves with the reply, if it is text or a number; rejects with an error reply, or after `timeoutMs` without one.
 * @param {number} port of 127.0.0.1
 * @param {readonly (string | number)[]} command
 * @returns {Promise<string>}
 */
export function redisCommand(port, command, timeoutMs = 5_000) {
  const words = command.map(String);
  const request = `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    let text = '';
    socket.setEncoding('latin1');
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer to ${words[0]} within ${timeoutMs} ms`)));
    socket.on('data', (chunk) => {
      text += chunk;
      const reply = replyIn(text);
      if (!reply) return;
      socket.destroy();
      if (reply.error) reject(new Error(reply.error));
      else resolve(reply.value);
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the connection was closed')));
  });
}

/** The reply, once all of it has come. */
function replyIn(text) {
  const end = text.indexOf('\r\n');
  if (end < 0) return undefined;
  const [type, rest] = [text[0], text.slice(1, end)];
  if (type === '-') return { error: rest };
  if (type !== '$') return { value: rest };
  const value = text.slice(end + 2, end + 2 + Number(rest));
  return value.length === Number(rest) ? { value } : undefined;
}
