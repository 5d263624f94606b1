/** Words for the columns' types, which are all that tables of different databases differ in. */
export interface ColumnWords {
  /** A key: compared byte by byte, at most 512 ASCII characters. */
  readonly key: string;
  readonly integer: string;
  readonly time: string;
  readonly text: string;
  /** JSON and whatever may grow long. */
  readonly long: string;
}

/** The columns of the table, one a line. */
export function columnLines(quote: (name: string) => string, { key, integer, time, text, long }: ColumnWords): string {
  const lines: readonly [string, string][] = [
    ['key', `${key} not null primary key`],
    ['account', `${key} not null`],
    ['v', `${integer} not null`],
    ['revision', `${integer} not null`],
    ['generation', `${integer} not null`],
    ['token', long],
    ['mark', text],
    ['gone_at', time],
    ['refresh_at', time],
    ['epoch', `${integer} not null`],
    ['lease_holder', text],
    ['lease_until', time],
    ['intent_generation', integer],
    ['intent_since', time],
    ['intent_epoch', integer],
    ['intent_uncertain', integer],
    ['state', `${text} not null`],
    ['cause', text],
    ['failures', `${integer} not null`],
    ['failure', long],
    ['retry_at', time],
    ['doubt_until', time],
    ['forced', long],
    ['rest', long],
  ];
  return lines.map(([name, type]) => `  ${quote(name)} ${type}`).join(',\n');
}
