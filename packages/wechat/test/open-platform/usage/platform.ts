import { openPlatform } from '../../../src/index.js';

export const platform = openPlatform({
  name: 'platform',
  appId: process.env['COMPONENT_APPID'],
  secret: process.env['COMPONENT_SECRET'],
  push: { token: process.env['COMPONENT_PUSH_TOKEN'], encodingAESKey: process.env['COMPONENT_AES_KEY'] },
});
