import { fingerprint, type KeyEvent, type TokenManager } from '@evertoken/core';
import type { Logger } from '@nestjs/common';

/** Writes a manager's events to the application's log: no value, no secret, and subjects as fingerprints. */
export function logTokenEvents(manager: TokenManager, logger: Logger): void {
  manager.on('state', (event) =>
    logger.log(`${keyOf(event)}: ${event.from} -> ${event.to}${detail('cause', event.cause)}`),
  );
  manager.on('failure', (event) =>
    logger.warn(
      `${keyOf(event)}: attempt ${event.failures} failed, code ${event.code}` +
        detail('platform code', event.platformCode) +
        detail('request', event.requestId) +
        detail('next attempt', event.retryAt === undefined ? undefined : time(event.retryAt)),
    ),
  );
  manager.on('reauthorize', (event) =>
    logger.error(
      `${keyOf(event)}: a person must sign in again, cause ${event.cause}${detail('platform code', event.platformCode)}`,
    ),
  );
  manager.on('grantEnding', (event) =>
    logger.warn(`${keyOf(event)}: the grant ends at ${time(event.endsAt)} and has not been renewed`),
  );
  manager.on('conflict', (event) =>
    logger.debug(`${keyOf(event)}: not stored, generation ${event.stored} stands already`),
  );
}

function keyOf({ account, kind, subject }: KeyEvent): string {
  return `${account} ${kind}${subject === undefined ? '' : ` #${fingerprint(subject)}`}`;
}

function detail(name: string, value: string | undefined): string {
  return value === undefined ? '' : `, ${name} ${value}`;
}

function time(at: number): string {
  return new Date(at).toISOString();
}
