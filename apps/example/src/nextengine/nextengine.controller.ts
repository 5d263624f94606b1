import { TokenError } from '@evertoken/core';
import { InjectClient, OnTokenEvent, type ReauthorizeEvent } from '@evertoken/nestjs';
import type { NextEngineAnswer, NextEngineClient } from '@evertoken/nextengine';
import { Controller, Get, Logger, Query, Redirect, Req, UnauthorizedException } from '@nestjs/common';
import type { Request } from 'express';
import { ERP } from '../accounts.js';
import { beginAgain } from '../web/begin-again.js';
import { Page } from '../web/page.interceptor.js';
import { beginSession } from '../web/session.js';

const SIGN_IN = '/nextengine/sign-in';

/** Sign-in with NextEngine, and calls as the user who signed in. */
@Controller('nextengine')
export class NextEngineController {
  readonly #logger = new Logger(NextEngineController.name);

  constructor(@InjectClient(ERP) private readonly nextEngine: NextEngineClient) {}

  /** Sends the browser to NextEngine; a user who is signed in there comes straight back. */
  @Get('sign-in')
  @Redirect()
  signIn(@Req() { session }: Request): { url: string } {
    const { url, binding } = this.nextEngine.signIn();
    session.binding = binding;
    return { url };
  }

  /** The browser is back, or comes from NextEngine's menu: then it goes to the sign-in page first, which shows itself to nobody who is signed in. */
  @Get('callback')
  @Redirect('/')
  async callback(
    @Query('uid') uid: string,
    @Query('state') state: string,
    @Req() request: Request,
  ): Promise<{ url: string } | undefined> {
    const { binding } = request.session;
    // Good for one callback.
    delete request.session.binding;
    try {
      const { user, startOver } = await this.nextEngine.handleCallback({ uid, state, binding });
      if (startOver) {
        request.session.binding = startOver.binding;
        return { url: startOver.url };
      }
      await beginSession(request, { uid: user.uid });
      return undefined;
    } catch (error) {
      throw beginAgain(error, SIGN_IN);
    }
  }

  /** The first orders of the signed-in user. The user comes from the session, never from the query. */
  @Get('orders')
  @Page('NextEngine orders')
  async orders(@Req() { session }: Request): Promise<Pick<NextEngineAnswer, 'count' | 'data'>> {
    try {
      const { count, data } = await this.nextEngine.user(session.uid).call('/api_v1_receiveorder_base/search', {
        fields: [
          'receive_order_id',
          'receive_order_date',
          'receive_order_total_amount',
          'receive_order_order_status_id',
        ],
        limit: 10,
      });
      return { ...(count !== undefined && { count }), ...(data && { data }) };
    } catch (error) {
      if (!(error instanceof TokenError) || error.code !== 'ERR_TOKEN_REAUTHORIZATION_REQUIRED') throw error;
      throw new UnauthorizedException({ message: error.message, signIn: SIGN_IN });
    }
  }

  /** An application of your own would write to somebody who can do it. */
  @OnTokenEvent('reauthorize')
  tellSomeone({ account, cause }: ReauthorizeEvent): void {
    // Other accounts have people who sign in, too, and not here.
    if (account !== ERP) return;
    this.#logger.warn(`a user of ${account} must sign in again (${cause}): ${SIGN_IN}`);
  }
}
