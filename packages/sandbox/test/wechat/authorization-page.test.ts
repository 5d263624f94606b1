import { describe, expect, it } from 'vitest';
import { startReceiver } from '../receiver.js';
import { query, SECOND } from '../support.js';
import { COMPONENT, type Component, field, MINI, OFFICIAL, startComponent } from './open-platform-support.js';

const REDIRECT = 'https://app.example/back?tenant=7';

async function visit(component: Component, fields: Record<string, string>, path = '/cgi-bin/componentloginpage') {
  const url = `${component.sandbox.urls.wechat}${path}?${query(fields)}`;
  const response = await fetch(url, { redirect: 'manual' });
  return { url, status: response.status, page: await response.text(), location: response.headers.get('location') };
}

async function fresh(component: Component) {
  const { pre_auth_code: code } = await component.call('api_create_preauthcode');
  return { component_appid: COMPONENT, pre_auth_code: code, redirect_uri: REDIRECT };
}

describe('the authorization page', () => {
  it('lists the accounts as links, and redirects with a code when one is followed', async () => {
    const { url: callbackUrl, received } = await startReceiver();
    const component = await startComponent({ callbackUrl, ticketEveryMs: 0 });
    const fields = await fresh(component);
    const { page, url } = await visit(component, fields);
    const link = /href="([^"]+authorizer1[^"]*)"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const response = await fetch(new URL(link, url), { redirect: 'manual' });
    const target = new URL(response.headers.get('location') ?? '');
    expect(target.href.startsWith(REDIRECT)).toBe(true);
    expect(target.searchParams.get('expires_in')).toBe('3600');
    const code = target.searchParams.get('auth_code') ?? '';
    await component.sandbox.pushes();
    expect(field(received[0], 'AuthorizationCode')).toBe(code);
    expect(field(received[0], 'PreAuthCode')).toBe(fields.pre_auth_code);
    expect((await component.exchange(code)).authorization_info.authorizer_appid).toBe(OFFICIAL);
  });

  it.each(['/cgi-bin/componentloginpage', '/wxaopen/safe/bindcomponent', '/safe/bindcomponent'])(
    '%s redirects at once with an authorizer_appid',
    async (path) => {
      const component = await startComponent();
      const { status } = await visit(component, { ...(await fresh(component)), authorizer_appid: MINI }, path);
      expect(status).toBe(302);
      expect(component.sandbox.calls({ endpoint: path })).toMatchObject([{ account: COMPONENT, subject: MINI }]);
    },
  );

  it('takes a pre-auth code once, and only until it ends', async () => {
    const component = await startComponent({ preAuthCodeSeconds: 1800 });
    const fields = { ...(await fresh(component)), authorizer_appid: MINI };
    expect((await visit(component, fields)).status).toBe(302);
    expect((await visit(component, fields)).status).toBe(400);
    const late = { ...(await fresh(component)), authorizer_appid: MINI };
    component.sandbox.advance(1800 * SECOND - 1);
    expect((await visit(component, { ...late, authorizer_appid: 'wx-nobody' })).page).toContain('no such account');
    component.sandbox.advance(1);
    expect((await visit(component, late)).page).toContain('pre_auth_code');
  });

  it('offers what auth_type and biz_appid let through', async () => {
    const component = await startComponent();
    const pages = await Promise.all(
      [{ auth_type: '1' }, { auth_type: '2' }, { auth_type: '3' }, { biz_appid: MINI }].map(async (more) => {
        const { page } = await visit(component, { ...(await fresh(component)), ...more });
        return [page.includes(OFFICIAL), page.includes(MINI)];
      }),
    );
    expect(pages).toEqual([
      [true, false],
      [false, true],
      [true, true],
      [false, true],
    ]);
  });

  it('refuses a component it does not know and a redirect that is no web address', async () => {
    const component = await startComponent();
    const fields = await fresh(component);
    expect((await visit(component, { ...fields, component_appid: 'wx-no' })).status).toBe(400);
    expect((await visit(component, { ...fields, redirect_uri: 'javascript:alert(1)' })).status).toBe(400);
    const { page } = await visit(component, { ...fields, redirect_uri: 'https://x.example/"><script>' });
    expect(page).not.toContain('<script>');
  });
});
