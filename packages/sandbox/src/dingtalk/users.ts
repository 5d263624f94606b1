import { assertKnownKeys, assertRecord, assertText, assertUnique } from '../check.js';

/** A person who can sign in. */
export interface DingTalkUser {
  /** One id for a person over all apps of a developer. */
  readonly unionId: string;
  /** Default: `open-` and the union id. */
  readonly openId?: string;
  /** Within the organisation. Default: the union id. */
  readonly userid?: string;
  /** Default: the union id. */
  readonly nick?: string;
  /** Telephone number. */
  readonly mobile?: string;
  /** Mail address. */
  readonly email?: string;
  /** Default: the organisation of the app. */
  readonly corpId?: string;
}

/** A user with nothing left open but contact details and the organisation. */
export type DingTalkUserSettings = DingTalkUser & Required<Pick<DingTalkUser, 'openId' | 'userid' | 'nick'>>;

const KEYS = ['unionId', 'openId', 'userid', 'nick', 'mobile', 'email', 'corpId'];

/** The users of an account that was given none. */
const USERS: readonly DingTalkUser[] = [
  { unionId: 'union-lan', userid: 'lan', nick: '王兰' },
  { unionId: 'union-wei', userid: 'wei', nick: '张伟' },
];

export function dingTalkUsers(users: readonly DingTalkUser[] = USERS): readonly DingTalkUserSettings[] {
  if (!Array.isArray(users)) throw new TypeError('"users" must be an array of users');
  const settings = (users as readonly DingTalkUser[]).map(dingTalkUser);
  assertUnique(
    'unionId',
    settings.map(({ unionId }) => unionId),
  );
  return settings;
}

function dingTalkUser(user: DingTalkUser): DingTalkUserSettings {
  assertKnownKeys('a DingTalk user', assertRecord('users', user), KEYS);
  for (const [name, value] of Object.entries(user)) assertText(name, value);
  const { unionId } = user;
  assertText('unionId', unionId);
  return { openId: `open-${unionId}`, userid: unionId, nick: unionId, ...user };
}
