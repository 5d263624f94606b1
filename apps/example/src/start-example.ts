import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { TokenError, TokenManager } from '@evertoken/core';
import { Logger, type LogLevel } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import { AppModule } from './app.module.js';
import { openPlatforms, type Platforms } from './platforms.js';
import { SandboxKeeper } from './sandbox/sandbox.keeper.js';
import type { Settings } from './settings.js';
import { storesOf } from './stores.js';
import { sessions } from './web/session.js';

/** The application, listening. */
export interface Example {
  /** Where browsers find it. */
  readonly url: string;
  readonly app: NestExpressApplication;
  readonly platforms: Platforms;
  /** Ends the application, and the sandbox with it. */
  close(): Promise<void>;
}

const FIRST_PORT = 3000;
/** How many ports are tried after the first. */
const MORE_PORTS = 100;
const SECURITY_HEADERS = {
  'Content-Security-Policy': "default-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  // Addresses of the callback hold what can be exchanged for tokens.
  'Referrer-Policy': 'no-referrer',
};

/** Starts the example. Rejects with the manager's error for a wrong account, and with the system's for a port that is taken. */
export async function startExample(
  settings: Settings,
  { logger = ['warn', 'error', 'fatal'] }: { readonly logger?: LogLevel[] | false } = {},
): Promise<Example> {
  const { host, sessionSecret } = settings;
  const port = await freePort(host, settings.port);
  const url = urlOf(host, port);
  const platforms = await openPlatforms(settings, url);
  let app: NestExpressApplication | undefined;
  try {
    const stores = await storesOf({ ...settings, dataDirectory: platforms.directory }, platforms.clock);
    app = await NestFactory.create<NestExpressApplication>(AppModule.on(platforms, stores), {
      logger,
      abortOnError: false,
      // A start that fails is told by its error alone, which the caller gets.
      bufferLogs: true,
      autoFlushLogs: false,
    });
    app.flushLogs();
    app.disable('x-powered-by');
    app.use((_request: Request, response: Response, next: NextFunction) => {
      response.set(SECURITY_HEADERS);
      next();
    });
    app.use(sessions(sessionSecret, port));
    app.useStaticAssets(fileURLToPath(new URL('../public', import.meta.url)));
    // Without it no shutdown hook runs on SIGTERM, and nothing is drained.
    app.enableShutdownHooks();
    await app.listen(port, host);
    refreshAtOnce(app.get(TokenManager), platforms.sandbox && app.get(SandboxKeeper).connected);
    const started = app;
    return { url, app, platforms, close: () => started.close() };
  } catch (error) {
    // Jobs and connections that were made already would keep the process from ending.
    await app?.close().catch(() => {});
    await platforms.sandbox?.close();
    throw error;
  }
}

/**
 * The job's first beat may be half a minute away; somebody who opens the page now should not wait for it. `first`: the sandbox's
 * first pushes, without which half of the accounts could only wait.
 */
function refreshAtOnce(tokens: TokenManager, first: Promise<void> = Promise.resolve()): void {
  const ended = (error: unknown) => error instanceof TokenError && error.code === 'ERR_TOKEN_CLOSED';
  first
    .then(() => tokens.refreshDue())
    .catch((error: unknown) => ended(error) || new Logger('Example').warn(String(error)));
}

/** The port asked for; without one the first free from 3000 on. Needed before there are accounts: NextEngine sends browsers back to it. */
async function freePort(host: string, asked: number | undefined): Promise<number> {
  const last = FIRST_PORT + MORE_PORTS;
  for (let port = asked ?? FIRST_PORT; ; port++) {
    try {
      return await probe(host, port);
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || asked !== undefined || port >= last) throw error;
    }
  }
}

function probe(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, host, () => {
      const address = server.address();
      const found = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(found));
    });
  });
}

function urlOf(host: string, port: number): string {
  const everywhere = host === '0.0.0.0' || host === '::';
  const name = everywhere ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
