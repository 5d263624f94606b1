import type { CanActivate, InjectionToken, Type } from '@nestjs/common';
import { configurationError, unknownOption, wrongType } from '../token.messages.js';
import { ACCOUNT_PARAMETER, DEFAULT_MAX_BYTES, DEFAULT_METHODS, METHODS } from './callback.constants.js';
import {
  accountParameterMissing,
  malformedPath,
  notADecorator,
  notAGuard,
  notOneOf,
  parameterNotMeant,
  pathTaken,
  severalTargets,
  staticOption,
  targetMissing,
} from './callback.messages.js';
import type { TokenCallbackHandler } from './interfaces/token-callback-handler.interface.js';
import type { TokenCallbackFactoryOptions } from './interfaces/token-callback-options.interface.js';

/** Who answers a route. */
export type CallbackTarget =
  | { readonly kind: 'account'; readonly name: string; readonly optional: boolean }
  | {
      readonly kind: 'accounts';
      readonly names: readonly string[] | undefined;
      readonly platform: string | undefined;
      readonly optional: boolean;
    }
  | { readonly kind: 'handler'; readonly token: InjectionToken<TokenCallbackHandler> };

/** A route, checked. */
export interface CallbackRoute {
  /** What messages call it: `routes[1]`. */
  readonly option: string;
  /** Without a slash in front. */
  readonly path: string;
  readonly methods: readonly string[];
  readonly maxBytes: number;
  readonly guards: readonly (Type<CanActivate> | CanActivate)[];
  readonly decorators: readonly MethodDecorator[];
  readonly target: CallbackTarget;
}

/** The module's options, read once. */
export interface CallbackSettings {
  /** Those without parameters first, so that none of them is taken for an account's name. */
  readonly routes: readonly CallbackRoute[];
  readonly managerName: string | undefined;
  /** Made when the application was, not when it was written. */
  readonly ofFactory: boolean;
}

type Given = Readonly<Record<string, unknown>>;

const OPTIONS = ['routes', 'managerName'];
const STATIC_OPTIONS = ['imports', 'guards', 'decorators'];
const ROUTE_OPTIONS = ['path', 'methods', 'guards', 'decorators', 'maxBytes'];
const TARGETS = ['account', 'accounts', 'handler'];
const SEGMENT = /^(?:[\w.~-]+|:[A-Za-z_]\w*)$/;

/**
 * Checks the options and fills in the defaults. `ofFactory`: one has made them.
 *
 * @throws TokenError `ERR_TOKEN_CONFIGURATION`; its message begins with the quoted option.
 */
export function readCallbackOptions(options: TokenCallbackFactoryOptions, ofFactory: boolean): CallbackSettings {
  const given = object('options', options);
  const misplaced = STATIC_OPTIONS.find((name) => ofFactory && name in given);
  if (misplaced !== undefined) throw configurationError(staticOption(misplaced));
  known(given, [...OPTIONS, ...(ofFactory ? [] : STATIC_OPTIONS)], 'TokenCallbackModule');
  const { managerName } = given;
  if (managerName !== undefined) text('managerName', managerName);
  const routes = elements('routes', given['routes'], 'a list of routes').map((route, at) => readRoute(route, at));
  checkApart(routes);
  const open = (route: CallbackRoute) => Number(route.path.includes(':'));
  return {
    routes: [...routes].sort((one, other) => open(one) - open(other)),
    managerName: managerName as string | undefined,
    ofFactory,
  };
}

/** Guards and decorators, of a route or of the whole controller; `prefix` stands before their names in messages. */
export function readEnhancers(given: Given, prefix: string): Pick<CallbackRoute, 'guards' | 'decorators'> {
  const guards = elements(`${prefix}guards`, given['guards'] ?? [], 'a list of guards');
  for (const [at, guard] of guards.entries()) {
    const isObject = typeof guard === 'object' && guard !== null;
    const isGuard = typeof guard === 'function' || (isObject && typeof (guard as Given)['canActivate'] === 'function');
    if (!isGuard) throw configurationError(notAGuard(`${prefix}guards[${at}]`));
  }
  const decorators = elements(`${prefix}decorators`, given['decorators'] ?? [], 'a list of decorators');
  const wrong = decorators.findIndex((decorator) => typeof decorator !== 'function');
  if (wrong !== -1) throw configurationError(notADecorator(`${prefix}decorators[${wrong}]`));
  return { guards: guards as CallbackRoute['guards'], decorators: decorators as MethodDecorator[] };
}

function readRoute(value: unknown, at: number): CallbackRoute {
  const option = `routes[${at}]`;
  const given = object(option, value);
  const targets = TARGETS.filter((name) => name in given);
  if (targets.length > 1) throw configurationError(severalTargets(option));
  const [kind] = targets;
  if (kind === undefined || given[kind] === undefined) throw configurationError(targetMissing(option));
  known(given, [...ROUTE_OPTIONS, kind, ...(kind === 'handler' ? [] : ['optional'])], `"${option}"`, `${option}.`);
  const target = readTarget(kind, given, option);
  return {
    option,
    path: readPath(`${option}.path`, given['path'], target),
    methods: readMethods(`${option}.methods`, given['methods'] ?? DEFAULT_METHODS),
    maxBytes: readMaxBytes(`${option}.maxBytes`, given['maxBytes'] ?? DEFAULT_MAX_BYTES),
    ...readEnhancers(given, `${option}.`),
    target,
  };
}

function readTarget(kind: string, given: Given, option: string): CallbackTarget {
  if (kind === 'handler') return { kind, token: given['handler'] as InjectionToken<TokenCallbackHandler> };
  const { optional = false, account, accounts } = given;
  if (typeof optional !== 'boolean') {
    throw configurationError(wrongType(`${option}.optional`, 'true or false', optional));
  }
  if (kind === 'account') return { kind, name: text(`${option}.account`, account), optional };
  if (Array.isArray(accounts)) {
    const names = accounts.map((name, at) => text(`${option}.accounts[${at}]`, name));
    return { kind: 'accounts', names, platform: undefined, optional };
  }
  const choice = object(`${option}.accounts`, accounts, 'a list of names or { platform }');
  known(choice, ['platform'], `"${option}.accounts"`, `${option}.accounts.`);
  const platform = text(`${option}.accounts.platform`, choice['platform']);
  return { kind: 'accounts', names: undefined, platform, optional };
}

function readPath(option: string, value: unknown, { kind }: CallbackTarget): string {
  const path = text(option, value).replace(/^\//, '');
  const segments = path.split('/');
  if (!segments.every((segment) => SEGMENT.test(segment)) || segments.some((segment) => /^\.+$/.test(segment))) {
    throw configurationError(malformedPath(option, String(value)));
  }
  const parameters = segments.filter((segment) => segment.startsWith(':'));
  if (kind === 'account' && parameters.length > 0) throw configurationError(parameterNotMeant(option, path));
  if (kind === 'accounts' && parameters.join() !== `:${ACCOUNT_PARAMETER}`) {
    throw configurationError(accountParameterMissing(option, path));
  }
  return path;
}

function readMethods(option: string, value: unknown): readonly string[] {
  const methods = elements(option, value, 'a list of methods');
  const wrong = methods.findIndex((method) => !METHODS.includes(method as (typeof METHODS)[number]));
  if (wrong !== -1) throw configurationError(notOneOf(`${option}[${wrong}]`, METHODS, methods[wrong]));
  if (methods.length === 0) throw configurationError(wrongType(option, 'a list of methods with one or more', methods));
  return [...new Set(methods as string[])];
}

function readMaxBytes(option: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw configurationError(wrongType(option, 'a positive whole number of bytes', value));
}

/** What tells routes apart: routers compare without regard to case, and do not look at a parameter's name. */
export function comparablePath({ path }: CallbackRoute): string {
  return path.replace(/:\w+/g, ':').toLowerCase();
}

function checkApart(routes: readonly CallbackRoute[]): void {
  const seen = new Map<string, CallbackRoute>();
  for (const route of routes) {
    const path = comparablePath(route);
    const other = seen.get(path);
    if (other) throw configurationError(pathTaken(`${route.option}.path`, route.path, `${other.option}.path`));
    seen.set(path, route);
  }
}

function known(given: Given, accepted: readonly string[], owner: string, prefix = ''): void {
  const unknown = Object.keys(given).find((name) => !accepted.includes(name));
  if (unknown !== undefined) throw configurationError(unknownOption(prefix + unknown, owner, accepted));
}

function object(option: string, value: unknown, expected = 'an object'): Given {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Given;
  throw configurationError(wrongType(option, expected, value));
}

function elements(option: string, value: unknown, expected: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw configurationError(wrongType(option, expected, value));
}

function text(option: string, value: unknown): string {
  if (typeof value === 'string' && value.trim() !== '') return value;
  throw configurationError(wrongType(option, 'a non-empty string', value));
}
