import type { TokenEvents } from '@evertoken/core';
import { TOKEN_EVENT_METADATA } from '../token.constants.js';

/** What `@OnTokenEvent` leaves on a method: one entry a use. */
export interface TokenEventSubscription {
  readonly event: keyof TokenEvents;
  readonly managerName: string | undefined;
}

/**
 * Calls the method with each event of that name: of the manager without a name, or of the named one. The class must be a
 * provider or controller of the application with one instance. What the method throws, or rejects with, is logged.
 *
 * @example
 * @OnTokenEvent('reauthorize')
 * tellSomeone({ account, cause }: ReauthorizeEvent) {}
 */
export function OnTokenEvent<Name extends keyof TokenEvents>(event: Name, managerName?: string) {
  return <Handler extends (event: TokenEvents[Name]) => unknown>(
    _target: object,
    _key: string | symbol,
    descriptor: TypedPropertyDescriptor<Handler>,
  ): void => {
    const { value: method } = descriptor;
    if (method === undefined) return;
    const subscription: TokenEventSubscription = { event, managerName };
    Reflect.defineMetadata(TOKEN_EVENT_METADATA, [...tokenEventsOf(method), subscription], method);
  };
}

/** The subscriptions of a method. */
export function tokenEventsOf(method: object): readonly TokenEventSubscription[] {
  return Reflect.getMetadata(TOKEN_EVENT_METADATA, method) ?? [];
}
