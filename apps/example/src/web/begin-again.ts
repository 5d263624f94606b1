import { TokenError } from '@evertoken/core';
import { BadRequestException } from '@nestjs/common';

/** What to throw for a redirect that cannot be completed: where beginning again helps, an answer that says where. */
export function beginAgain(error: unknown, signIn: string): unknown {
  const isCurable = error instanceof TokenError && error.code === 'ERR_TOKEN_REFUSED' && error.reason !== 'credentials';
  return isCurable ? new BadRequestException({ message: error.message, signIn }) : error;
}
