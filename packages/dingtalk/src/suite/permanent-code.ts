import {
  fingerprint,
  type IssueRequest,
  malformedAnswer,
  ParentRejected,
  TokenError,
  type Tokens,
} from '@evertoken/core';
import { ask } from '../ask.js';
import { callerOf, OAPI } from '../calls.js';
import { parentOf } from '../token-sources.js';
import { type SuiteContext, serviceCaller } from './suite-context.js';
import { PERMANENT_CODE } from './suite-kinds.js';
import { aboutOf } from './suite-sources.js';
import { activationBody, permanentCodeIn, permanentCodeRequest, SUITE_PATHS } from './suite-wire.js';

/** The code is spent: another push, or another process, has exchanged it. */
const SPENT = '40078';

/** How an exchange leaves the lease where there is nothing to be stored. */
const KNOWN = new Error('what would be stored is stored already');

/**
 * Exchanges an authorization code of the old HTTP callbacks for the corp's permanent code, under that key's lease, and stores it. A code
 * that was exchanged before is no error: the platform pushes it several times, and stops once it is told `success`.
 */
export async function exchangeTmpAuthCode(
  context: SuiteContext,
  tokens: Tokens,
  given: { readonly corpId: string; readonly tmpAuthCode: string; readonly at: number },
): Promise<void> {
  const { permanentCode } = context.corp(given.corpId);
  const exchanging = () => tokens.authorize(permanentCode, (request) => exchange(context, request, given));
  try {
    await exchanging().catch(async (error: unknown) => {
      if (!(error instanceof ParentRejected)) throw error;
      await tokens.reject(context.own.accessToken, error.value);
      return exchanging();
    });
  } catch (error) {
    const spent = error instanceof TokenError && error.platformCode === SPENT;
    if (error !== KNOWN && !spent) throw error;
  }
}

async function exchange(
  { suite }: SuiteContext,
  request: IssueRequest,
  { corpId, tmpAuthCode, at }: { readonly corpId: string; readonly tmpAuthCode: string; readonly at: number },
) {
  const about = aboutOf(suite, PERMANENT_CODE, corpId);
  const mark = fingerprint(tmpAuthCode);
  if (request.current?.extra?.['authCode'] === mark) throw KNOWN;
  const suiteToken = parentOf(request.parents, 0, about);
  return ask(request, {
    about,
    circuit: suite.circuit,
    wire: permanentCodeRequest(suite, suiteToken, tmpAuthCode),
    blames: { suiteToken },
    read(json, { status }) {
      const found = permanentCodeIn(json);
      if (found && found.corpId !== corpId) {
        throw malformedAnswer(about, 'it is about another corp than the push', { status });
      }
      return found && { value: found.permanentCode, extra: { at, authCode: mark } };
    },
    expected: 'permanent code',
  });
}

/**
 * Activates the suite in a corp, once: what was done is noted beside the permanent code. Of the old HTTP callbacks only; apps of today
 * need no activation (page `activate-suite`).
 *
 * Rejects with `ERR_TOKEN_WAITING` where no permanent code is stored, and as calls of the suite do.
 */
export async function activate(context: SuiteContext, tokens: Tokens, corpId: string): Promise<void> {
  const { suite } = context;
  const { permanentCode } = context.corp(corpId);
  const { value, extra } = await tokens.get(permanentCode);
  if (extra?.['activated'] === true) return;
  const call = callerOf(OAPI, serviceCaller(context), tokens);
  // Doing it twice does no harm.
  const options = { repeatable: true };
  await call({ method: 'POST', path: SUITE_PATHS.activate, body: activationBody(suite, corpId, value), options });
  await tokens
    .authorize(permanentCode, async ({ current }) => {
      if (current?.value !== value) throw KNOWN;
      return { value, extra: { ...current.extra, activated: true } };
    })
    .catch((error: unknown) => {
      if (error !== KNOWN) throw error;
    });
}
