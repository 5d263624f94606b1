import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CallbackReply, CallbackRequest } from '@evertoken/core';
import { callbackRequest, sendReply } from '@evertoken/core/http';
import { onTestFinished } from 'vitest';

const PATH = '/nextengine';

/** Serves a callback at a real address; resolves with the address. */
export async function serve(answer: (request: CallbackRequest) => Promise<CallbackReply>): Promise<string> {
  const server = createServer(async (request, response) => {
    sendReply(response, await answer(await callbackRequest(request)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${PATH}`;
}

/** One answer, as a browser sees it. */
export interface Page {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A browser that keeps cookies and follows redirects, and whose user is signed in at NextEngine as `uid`. */
export class Browser {
  readonly cookies = new Map<string, string>();
  /** Each page on the way, redirects included. */
  readonly history: Page[] = [];
  readonly #uid: string;
  readonly #platform: string;

  constructor(platform: string, uid: string) {
    this.#platform = platform;
    this.#uid = uid;
  }

  /** Opens an address and goes where it leads, as far as that is the callback or NextEngine. */
  async open(address: string, { follow = true, method = 'GET' } = {}): Promise<Page> {
    let url = new URL(address);
    for (let hops = 0; hops < 20; hops++) {
      const page = await this.#load(url, method);
      const location = page.headers.get('location');
      if (location === null || !follow) return page;
      url = new URL(location, url);
      if (!this.#isPlatform(url) && url.pathname !== PATH) return page;
    }
    throw new Error('too many redirects');
  }

  async #load(url: URL, method: string): Promise<Page> {
    const target = new URL(url);
    const isPlatform = this.#isPlatform(target);
    if (isPlatform) target.searchParams.set('uid', this.#uid);
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers: Record<string, string> = cookie === '' || isPlatform ? {} : { cookie };
    const response = await fetch(target, { method, redirect: 'manual', headers });
    const page = { url: url.href, status: response.status, headers: response.headers, text: await response.text() };
    if (!isPlatform) for (const each of response.headers.getSetCookie()) this.#keep(each);
    this.history.push(page);
    return page;
  }

  #isPlatform({ origin }: URL): boolean {
    return origin === new URL(this.#platform).origin;
  }

  #keep(cookie: string): void {
    const [pair = '', ...attributes] = cookie.split('; ');
    const [name = '', value = ''] = pair.split('=');
    if (attributes.includes('Max-Age=0')) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}
