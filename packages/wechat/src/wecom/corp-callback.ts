import type { CallbackReply, CallbackRequest, Tokens } from '@evertoken/core';
import { noPushKeys } from '../app-callback.js';
import type { ReceivedPush } from '../push/open-push.js';
import type { PushHandler, PushHandling } from '../push/push-handler.js';
import type { PushKeys } from '../push/push-keys.js';
import type { PushMessage } from '../push/push-message.js';
import type { PushResults } from '../push/push-results.js';
import type { WeComAgentClient } from './we-com-client.js';
import type { AgentEntry, WeComAgent } from './wecom-agent.js';
import { type Place, pushKeysOf, type WeComPushKeys } from './wecom-options.js';

/** What a handler is given beside the push. */
export interface WeComPushContext {
  /** Whose push it is; undefined where it is for an agent that is not among the account's, or for none. */
  readonly agent: WeComAgent | undefined;
  /** Calls as that agent. */
  readonly client: WeComAgentClient | undefined;
}

/** Answers for the corp, or for one agent alone. */
export type CorpCallback = (
  tokens: Tokens,
  options?: PushHandling<WeComPushContext> & { readonly alone?: AgentEntry },
) => (request: CallbackRequest) => Promise<CallbackReply>;

/** What the addresses need of their account. */
export interface CorpCallbackInput {
  readonly place: Place;
  readonly push: WeComPushKeys | undefined;
  readonly onPush: PushHandler<WeComPushContext> | undefined;
  readonly entries: () => Iterable<AgentEntry>;
}

/** Makes the `callback` of a corp and of its agents: one memory of what was handled for each manager. */
export function corpCallback(input: CorpCallbackInput): CorpCallback {
  const memories = new WeakMap<Tokens, PushResults>();
  const { place } = input;
  return (tokens, { alone, onPush: given } = {}) => {
    if (rings(input, alone).every(({ keys }) => keys.length === 0)) throw noPushKeys(place.account);
    return async (request) => {
      const [{ answerPush }, { PushResults }] = await Promise.all([
        import('../push/answer-push.js'),
        import('../push/push-results.js'),
      ]);
      const opened = await open(input, alone, request);
      if ('reply' in opened) return opened.reply;
      const { push, entry } = opened;
      const results = memories.get(tokens) ?? new PushResults(() => place.clock.now());
      memories.set(tokens, results);
      const onPush = given ?? entry?.onPush ?? input.onPush;
      const agent = entry?.handle;
      return answerPush(push, {
        account: place.account,
        clock: place.clock,
        results,
        received: '',
        ...(onPush && { handle: () => onPush(push, { agent, client: agent?.client(tokens) }) }),
      });
    };
  };
}

/** Keys, and the agent whose own they are; none for the corp's. */
interface KeyRing {
  readonly keys: readonly PushKeys[];
  readonly owner: AgentEntry | undefined;
}

/** Read each time: agents come and go, and get other keys. */
function rings({ push, entries }: CorpCallbackInput, alone: AgentEntry | undefined): KeyRing[] {
  if (alone) return [{ keys: pushKeysOf(alone.push), owner: alone.hasOwnPush ? alone : undefined }];
  const owners = [...entries()].filter(({ hasOwnPush }) => hasOwnPush);
  return [
    ...owners.map((owner) => ({ keys: pushKeysOf(owner.push), owner })),
    { keys: pushKeysOf(push), owner: undefined },
  ];
}

type Opened =
  | { readonly reply: CallbackReply }
  | { readonly push: ReceivedPush; readonly entry: AgentEntry | undefined };

async function open(
  input: CorpCallbackInput,
  alone: AgentEntry | undefined,
  request: CallbackRequest,
): Promise<Opened> {
  const { openPush, REFUSED } = await import('../push/open-push.js');
  const { place } = input;
  for (const { keys, owner } of rings(input, alone)) {
    const settings = { keys, receiveIds: [place.id], now: () => place.clock.now(), verification: 'encrypted' } as const;
    const push = await openPush(request, settings);
    if (push.kind === 'refused') continue;
    if (push.kind === 'verification') return { reply: push.reply };
    const whose = agentOf(input, push.message, owner ?? alone);
    // Another agent's message: its own keys may open it still, where two have a pair in common.
    if (whose === 'another' || !mayOpen(whose, owner)) continue;
    return { push, entry: whose };
  }
  return { reply: REFUSED.reply };
}

/** Whose message it is: by its number, else `address`, the agent whose keys or whose address it came by. */
function agentOf(
  { entries }: CorpCallbackInput,
  message: PushMessage,
  address: AgentEntry | undefined,
): AgentEntry | 'another' | undefined {
  const id = String(message['AgentID'] ?? '');
  // Events of contacts and other tools bear none, or 0.
  if (!/^[1-9]\d*$/.test(id)) return address;
  const named = [...entries()].find(({ handle }) => handle.agentId === id);
  if (address === undefined) return named;
  if (named === undefined && address.handle.agentId === undefined) return address;
  return named === address ? named : 'another';
}

/** An agent with keys of its own gets nothing that the corp's keys signed, which others may have. */
function mayOpen(entry: AgentEntry | undefined, owner: AgentEntry | undefined): boolean {
  return owner !== undefined || !entry?.hasOwnPush;
}
