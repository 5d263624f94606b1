import type { Html } from '../web/html.js';

/** An item of a list on the page. Its markup is one element that has `id` as its `data-id`. */
export interface Item {
  readonly id: string;
  readonly content: Html;
}

/** The page's lists by element id: drawn by the server, at first and whenever they change. */
export type Picture = Readonly<
  Record<
    | 'summary'
    | 'lines'
    | 'tokens'
    | 'log'
    | 'counts'
    | 'latest'
    | 'notices'
    | 'authorizers'
    | 'corps'
    | 'isvCorps'
    | 'users',
    readonly Item[]
  >
>;

/** What is new in a list. */
export interface ListChange {
  /** All its items, where others are there or they stand elsewhere. */
  readonly order?: readonly string[];
  /** Markup by item, of those that are new or look different. */
  readonly items?: Readonly<Record<string, string>>;
}

/** Tells one watcher what has changed since it was told last: nothing is sent twice. */
export class Telling {
  readonly #shown = new Map<string, { readonly order: string; readonly items: ReadonlyMap<string, string> }>();

  /** The lists that look different from what was told last. */
  changes(picture: Picture): Readonly<Record<string, ListChange>> {
    const changed = Object.entries(picture).flatMap(([name, items]) => {
      const change = this.#change(name, items);
      return change ? [[name, change] as const] : [];
    });
    return Object.fromEntries(changed);
  }

  #change(name: string, list: readonly Item[]): ListChange | undefined {
    const before = this.#shown.get(name);
    const ids = list.map(({ id }) => id);
    const order = ids.join('\n');
    const items = new Map(list.map(({ id, content }) => [id, content.markup]));
    this.#shown.set(name, { order, items });
    const changed = [...items].filter(([id, markup]) => before?.items.get(id) !== markup);
    if (before?.order === order && changed.length === 0) return undefined;
    return {
      ...(before?.order !== order && { order: ids }),
      ...(changed.length > 0 && { items: Object.fromEntries(changed) }),
    };
  }
}
