/** Markup: the only thing that is put into a page as it stands. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

/** What stands between the pieces of a template: `Html` as it is, lists one after the other, nothing for nothing, all else escaped. */
type Content = Html | string | number | boolean | undefined | null | readonly Content[];

/** A template whose values are escaped. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  return new Html(strings.map((text, index) => text + render(values[index])).join(''));
}

function render(content: Content): string {
  if (content === undefined || content === null || typeof content === 'boolean') return '';
  if (content instanceof Html) return content.markup;
  if (typeof content === 'object') return content.map(render).join('');
  return String(content).replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}
