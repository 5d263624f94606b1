import { BadRequestException, Body, Controller, Get, Inject, Post, Redirect, UseGuards } from '@nestjs/common';
import { StatusService } from '../status/status.service.js';
import { SameOriginGuard } from '../web/same-origin.guard.js';
import { type AccountName, ExampleSandbox, type TicketAccountName } from './example-sandbox.js';
import { SandboxKeeper } from './sandbox.keeper.js';
import { SandboxError } from './sandbox-control.js';

/** An hour: what real time brings between two sweeps is far less, but no token of the sandbox lives shorter. */
const MAX_MINUTES = 60;
const ACCOUNTS: readonly AccountName[] = ['shop', 'platform', 'corp', 'suite', 'oa', 'isv', 'erp'];
const TICKET_ACCOUNTS: readonly TicketAccountName[] = ['platform', 'suite', 'isv'];

/** What one cannot do to a real platform. Registered in sandbox mode only. */
@Controller('sandbox')
@UseGuards(SameOriginGuard)
export class SandboxController {
  constructor(
    @Inject(ExampleSandbox) private readonly sandbox: ExampleSandbox,
    @Inject(SandboxKeeper) private readonly keeper: SandboxKeeper,
    @Inject(StatusService) private readonly status: StatusService,
  ) {}

  /** Where the clock is, and how far this instance has refreshed what that made due. */
  @Get('clock')
  clock(): { readonly now: number; readonly offsetMs: number; readonly sweptOffsetMs: number } {
    return { now: this.sandbox.now(), offsetMs: this.sandbox.offsetMs, sweptOffsetMs: this.keeper.sweptOffsetMs };
  }

  /** Lets time pass, then refreshes what that has made due; other instances on the same sandbox do likewise. */
  @Post('advance')
  @Redirect('/', 303)
  async advance(@Body('minutes') text: unknown): Promise<void> {
    const minutes = Number(text);
    if (!Number.isInteger(minutes) || minutes < 1 || minutes > MAX_MINUTES) {
      throw new BadRequestException(`"minutes" must be a whole number from 1 to ${MAX_MINUTES}`);
    }
    await this.sandbox.advance(minutes);
    await this.keeper.swept();
  }

  /** Ends tokens of an account before their time: its own, or those of a `subject`. Nobody is told: the next call finds out. */
  @Post('kill')
  @Redirect('/', 303)
  kill(@Body('account') account: unknown, @Body('subject') subject: unknown): Promise<void> {
    const name = oneOf('account', account, ACCOUNTS);
    const about = subject === undefined || subject === '' ? undefined : textOf('subject', subject);
    return this.#act(() => this.sandbox.kill(name, about));
  }

  /** Pushes the next ticket of an account that gets any. */
  @Post('ticket')
  @Redirect('/', 303)
  ticket(@Body('account') account: unknown): Promise<void> {
    const name = oneOf('account', account, TICKET_ACCOUNTS);
    return this.#act(() => this.sandbox.pushTicket(name));
  }

  /** An authorizer authorizes the platform, a company installs a suite; or does so again. */
  @Post('authorize')
  @Redirect('/', 303)
  authorize(@Body('account') account: unknown, @Body('subject') subject: unknown): Promise<void> {
    const [name, about] = [oneOf('account', account, TICKET_ACCOUNTS), textOf('subject', subject)];
    return this.#act(() => this.sandbox.authorize(name, about));
  }

  /** And takes that back. */
  @Post('cancel')
  @Redirect('/', 303)
  cancel(@Body('account') account: unknown, @Body('subject') subject: unknown): Promise<void> {
    const [name, about] = [oneOf('account', account, TICKET_ACCOUNTS), textOf('subject', subject)];
    return this.#act(() => this.sandbox.cancel(name, about));
  }

  /** A user of NextEngine starts the application from its menu. */
  @Post('launch')
  @Redirect()
  async launch(@Body('uid') uid: unknown): Promise<{ readonly url: string; readonly statusCode: number }> {
    const user = textOf('uid', uid);
    return { url: await this.#act(() => this.sandbox.launch(user)), statusCode: 303 };
  }

  async #act<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof SandboxError && error.status === 400) throw new BadRequestException(error.message);
      throw error;
    } finally {
      this.status.changed();
    }
  }
}

function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new BadRequestException(`"${name}" must be one of ${allowed.join(', ')}`);
  return found;
}

function textOf(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new BadRequestException(`"${name}" must be a text`);
  return value;
}
