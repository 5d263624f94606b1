import { platform } from './platform.js';
import { tokens } from './platform-server.js';

const shop = platform.authorizer('wx000000authorizer1').client(tokens);

export const followers = () => shop.get<{ total: number }>('/cgi-bin/user/get');
export const pageConfig = (url: string) => shop.jsSdkConfig(url, { jsApiList: ['scanQRCode'] });
