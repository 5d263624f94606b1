/** What a package publishes. */
export interface PublicApi {
  /** Every exported declaration, entry by entry, without comments. */
  readonly markdown: string;
  /** What no comment is about: `specifier: Name.member`. */
  readonly undocumented: readonly string[];
}
export function publishedPackages(): string[];
export function readPublicApi(folders: readonly string[]): Readonly<Record<string, PublicApi>>;
