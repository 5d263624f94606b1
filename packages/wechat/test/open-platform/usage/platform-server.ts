import { createServer } from 'node:http';
import { TokenManager } from '@evertoken/core';
import { fileJournal, fileStore } from '@evertoken/core/file';
import { callbackRequest, sendReply } from '../../../src/push.js';
import { platform } from './platform.js';

export const tokens = new TokenManager({
  accounts: [platform],
  store: fileStore({ directory: 'data/tokens' }),
  journal: fileJournal({ directory: 'data/journal' }),
});
const takePush = platform.callback(tokens);

// The authorization-event URL of the console: https://app.example/wechat/events
export const server = createServer(async (request, response) => {
  sendReply(response, await takePush(await callbackRequest(request)));
});
tokens.refreshEvery(30_000);
