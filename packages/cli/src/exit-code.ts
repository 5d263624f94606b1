/** What the program ends with. Of several the first that applies: 130, 2, 3, 1, 0. */
export const EXIT = Object.freeze({
  /** All fresh; what was asked for was done. */
  ok: 0,
  /** Some failed, or the store did. Trying again can help. */
  failed: 1,
  /** Usage or configuration: nothing was done. */
  usage: 2,
  /** Somebody must sign in: trying again cannot help. */
  signIn: 3,
  /** Ctrl-C, SIGTERM or SIGHUP: no new keys were taken, what was under way was finished. */
  interrupted: 130,
});

/** One of `EXIT`. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
