import type { NextEngineApp } from './app.js';
import { NextEngineError } from './errors.js';
import type { NextEngineGrant } from './grant.js';
import { makeOrders, pageOf, selectOrders } from './orders.js';
import { companyRow, userRow } from './profile.js';

const DEFAULT_LIMIT = 10_000;

/** What an API does once its caller is let in: the members of the answer next to the tokens. */
export type Model = (context: ModelContext) => Record<string, unknown>;

export interface ModelContext {
  readonly app: NextEngineApp;
  readonly grant: NextEngineGrant;
  readonly fields: URLSearchParams;
}

/** The APIs that take a user's tokens, by path. */
export const MODELS: ReadonlyMap<string, Model> = new Map<string, Model>([
  ['/api_v1_login_user/info', ({ app, grant }) => ({ count: countOf(app, 1), data: [userRow(grant.user)] })],
  ['/api_v1_login_company/info', ({ app, grant }) => ({ count: countOf(app, 1), data: [companyRow(grant.user)] })],
  ['/api_v1_receiveorder_base/search', searchOrders],
  ['/api_v1_receiveorder_base/count', countOrders],
]);

function searchOrders({ app, fields }: ModelContext): Record<string, unknown> {
  const columns = (fields.get('fields') ?? '').split(',').filter((column) => column !== '');
  // The platform's code for a search without columns is not known; this one is in the class "request".
  if (columns.length === 0) throw new NextEngineError('000002');
  const found = selectOrders(makeOrders(app.settings.orders), fields);
  const limit = integer(fields.get('limit'), 1, DEFAULT_LIMIT);
  const data = pageOf(found, columns, integer(fields.get('offset'), 0, 0), limit);
  return { count: countOf(app, app.settings.searchCount === 'total' ? found.length : data.length), data };
}

function countOrders({ app, fields }: ModelContext): Record<string, unknown> {
  return { count: countOf(app, selectOrders(makeOrders(app.settings.orders), fields).length) };
}

/** `count` is text in the platform's samples; its reference allows a number too. */
export function countOf({ settings }: NextEngineApp, count: number): string | number {
  return settings.countType === 'text' ? String(count) : count;
}

function integer(text: string | null, min: number, fallback: number): number {
  const value = Number(text ?? '');
  return text && Number.isInteger(value) && value >= min ? value : fallback;
}
