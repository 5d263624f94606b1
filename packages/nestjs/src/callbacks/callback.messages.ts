const list = (names: readonly string[]) => (names.length === 0 ? 'none' : names.map((name) => `"${name}"`).join(', '));

export const malformedPath = (path: string, got: string) =>
  `"${path}" must be a path of letters, digits, "-", ".", "_" and "~", such as 'hooks/wechat', got '${got}'`;

export const parameterNotMeant = (path: string, got: string) =>
  `"${path}" must have no parameters, got '${got}': one account is one path; for several pass "accounts" instead of "account", with ':account' in the path`;

export const accountParameterMissing = (path: string, got: string) =>
  `"${path}" must have ':account' in it, and no other parameter, because the route is for several "accounts"; got '${got}'`;

export const pathTaken = (path: string, got: string, other: string) =>
  `"${path}" must be another one than "${other}": both are '${got}'`;

export const pathOfAnother = (path: string, got: string) =>
  `"${path}" must be another one than those of the application's other TokenCallbackModules: '${got}' is there twice`;

export const severalTargets = (route: string) =>
  `"${route}" must have one of "account", "accounts" and "handler", and no more`;

export const targetMissing = (route: string) =>
  `"${route}" must say who answers: "account", "accounts" or "handler"; undefined is what two files see that import each other`;

export const notOneOf = (path: string, expected: readonly string[], got: unknown) =>
  `"${path}" must hold some of ${list(expected)}, got ${typeof got === 'string' ? `'${got}'` : typeof got}`;

export const notAGuard = (path: string) => `"${path}" must be a guard: a class or an object with "canActivate"`;

export const notADecorator = (path: string) => `"${path}" must be a decorator: call it, as in Public()`;

export const decoratorFailed = (path: string, reason: string) => `"${path}" could not be applied: ${reason}`;

export const classOfAFactory = (path: string, kind: string) =>
  `"${path}" binds a class (${kind}), which a route that a factory makes cannot have, because Nest looks for them before: ` +
  'pass an instance, or put it beside "useFactory", as one of "guards" or "decorators" for all routes';

export const requestScoped =
  '"guards" must not be request-scoped, nor what "decorators" bind, where a factory makes the routes: pass the routes to forRoot';

export const staticOption = (name: string) =>
  `"${name}" must stand beside "useFactory", "useClass" or "useExisting", not in what they make: Nest looks for it before`;

export const noManager = (path: string, managerName: string | undefined) =>
  managerName === undefined
    ? `"${path}" needs a TokenModule, and the application has none without a "managerName"`
    : `"managerName" is "${managerName}", and no TokenModule has that name`;

export const noSuchAccount = (path: string, name: string, known: readonly string[]) =>
  `"${path}" must be the name of an account, got "${name}"; the manager has ${list(known)}. One that is added later wants "optional": true`;

export const noCallback = (path: string, name: string) => `"${path}" names account "${name}", which takes no callbacks`;

export const callbackNotMade = (path: string, name: string, reason: string) =>
  `"${path}" names account "${name}", which cannot take callbacks: ${reason}`;

export const noSuchHandler = (path: string, token: string) =>
  `"${path}" must be a provider of the application, and no module provides ${token}`;

export const notAHandler = (path: string, token: string) =>
  `"${path}" must have a method "handle", and ${token} has none`;

export const notAReply = (path: string) =>
  `the handler of '${path}' must resolve with a reply: { status, headers?, body }, the body as text`;

export const bodyReadBefore = (path: string) =>
  `'${path}' cannot be answered: something has read the request's body before and left no bytes of it. Take that path out of ` +
  'its reach, or create the application with rawBody: true';
