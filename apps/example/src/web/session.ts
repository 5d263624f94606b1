import type { SignInBinding } from '@evertoken/nextengine';
import type { Request, RequestHandler } from 'express';
import session from 'express-session';

declare module 'express-session' {
  interface SessionData {
    /** This browser began a sign-in to NextEngine. */
    binding: SignInBinding;
    /** This browser began an authorization of the WeChat platform. */
    authorization: string;
    /** This browser began an installation of the WeCom suite. */
    installation: string;
    /** The NextEngine user who signed in with this browser. */
    uid: string;
  }
}

/** Sessions in this process's memory: enough for an example, forgotten at a restart. */
export function sessions(secret: string, port: number): RequestHandler {
  return session({
    secret,
    // Browsers send cookies to every port of a host: two instances side by side must not end each other's sessions.
    name: `evertoken-example-${port}`,
    resave: false,
    saveUninitialized: false,
    // `lax` lets the cookie come along when NextEngine sends the browser back.
    cookie: { httpOnly: true, sameSite: 'lax', secure: 'auto' },
  });
}

/** A new session for somebody who has just signed in: its id is not the one from before. */
export async function beginSession(request: Request, data: Pick<session.SessionData, 'uid'>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    request.session.regenerate((error: unknown) => (error ? reject(error) : resolve()));
  });
  Object.assign(request.session, data);
}
