/** Every secret of a run, by what it is. */
export class Secrets {
  /** A new secret of random shape. */
  plant(what: string, text?: string): string;
  learn(what: string, secret: unknown): void;
  /** How many of each kind there are. */
  census(): Record<string, number>;
  list(): { readonly secret: string; readonly what: string }[];
  /** What of it stands in a text, and around which words; the secret itself is not repeated. */
  hits(text: string): string[];
}

/** The forms in which a secret could leave: each with its name. */
export function disguises(secret: string): [how: string, disguise: string][];
