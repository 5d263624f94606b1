import { OnTokenEvent } from '@evertoken/nestjs';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { LocalSandbox } from './local-sandbox.js';

/** Keeps the sandbox's memory up to date, and ends the sandbox with the application. */
@Injectable()
export class SandboxKeeper implements OnApplicationShutdown {
  constructor(@Inject(LocalSandbox) private readonly sandbox: LocalSandbox) {}

  /** A stored token means that a platform has given one out: what it remembers has changed. */
  @OnTokenEvent('commit')
  remember(): void {
    this.sandbox.save();
  }

  /** By now the manager is drained: nobody calls the platforms any more. */
  onApplicationShutdown(): Promise<void> {
    return this.sandbox.close();
  }
}
