import type { Tokens } from '@evertoken/core';
import { apiOf, type DingTalkApi, DingTalkClient, type DingTalkOapi, oapiOf } from '../client.js';
import { SigningInClient } from '../signing-in-client.js';
import { type DingTalkCorpAuthorization, type DingTalkCorpStatus, standingIn } from './corp-standing.js';
import { type SuiteContext, serviceCaller, suiteCaller } from './suite-context.js';
import { AUTHORIZATION } from './suite-kinds.js';

/** Which corps `corps` lists. */
export interface DingTalkCorpsOptions {
  /** Default: all but `cancelled`. */
  readonly statuses?: readonly DingTalkCorpStatus[] | undefined;
}

/** A suite's own API, the corps that have enabled it, a client for each, and sign-ins with the suite's key. Made by `suite.client(tokens)`; keeps nothing. */
export class DingTalkSuiteClient extends SigningInClient {
  /** `api.dingtalk.com`, with the suite's token. */
  readonly api: DingTalkApi;
  /** `/service/…` of `oapi.dingtalk.com`, with the suite's token. */
  readonly oapi: DingTalkOapi;
  readonly #context: SuiteContext;
  readonly #tokens: Tokens;

  constructor(context: SuiteContext, tokens: Tokens) {
    super(context.suite.name, tokens, context.users);
    this.#context = context;
    this.#tokens = tokens;
    this.api = apiOf(suiteCaller(context), tokens);
    this.oapi = oapiOf(serviceCaller(context), tokens);
  }

  /** Calls as the suite in one corp. */
  corp(corpId: string): DingTalkClient {
    return corpClient(this.#context, corpId, this.#tokens);
  }

  /** The corps that are known to have enabled the suite, by what was pushed and by `syncCorp`; asks the store alone. */
  async *corps({ statuses }: DingTalkCorpsOptions = {}): AsyncGenerator<DingTalkCorpAuthorization, void, undefined> {
    const filter = { accounts: [this.#context.suite.name], kinds: [AUTHORIZATION.kind] };
    for await (const { subject, extra } of this.#tokens.inspect(filter)) {
      const standing = standingIn(extra);
      if (subject === undefined || standing === undefined) continue;
      if (statuses ? statuses.includes(standing.status) : standing.status !== 'cancelled') {
        yield { corpId: subject, ...standing };
      }
    }
  }

  /**
   * Asks the platform what stands of a corp, and stores that: for corps that enabled the suite before its pushes were taken here, and
   * for names. Resolves with `status: 'cancelled'` where the corp has not enabled the suite.
   *
   * Rejects with `ERR_TOKEN_WAITING` where there is no suite ticket, with `DingTalkError` or `TokenError` for other refusals.
   * Pages `obtains-the-authorization-information-after-the-enterprise-activates-the-application-1`,
   * `obtains-the-basic-information-of-an-enterprise`.
   */
  async syncCorp(corpId: string): Promise<DingTalkCorpAuthorization> {
    const { syncCorp } = await import('./sync-corp.js');
    return syncCorp(this.#context, this.#tokens, corpId);
  }

  /**
   * Activates the suite in a corp whose permanent code the old HTTP callbacks have brought; what was done is noted, and not done again.
   * The callback does it by itself.
   *
   * Rejects with `ERR_TOKEN_WAITING` where no permanent code is stored, with `DingTalkError` where the platform refuses it.
   */
  async activate(corpId: string): Promise<void> {
    const { activate } = await import('./permanent-code.js');
    return activate(this.#context, this.#tokens, corpId);
  }
}

/** The API as the suite in one corp. */
export function corpClient(context: SuiteContext, corpId: string, tokens: Tokens): DingTalkClient {
  const { accessToken, jsapiTicket } = context.corp(corpId);
  return new DingTalkClient({ ...suiteCaller(context), accessToken, jsapiTicket, corpId }, tokens);
}
