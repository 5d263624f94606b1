import Table from 'cli-table3';
import { printable } from './program-io.js';

/** A column: its head, and its cell of a row. `paint` colours what stands there. */
export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => string | undefined;
  readonly paint?: (text: string, row: Row) => string;
}

/** No lines, two spaces between columns: fit for `grep` and `awk`, too. */
const NO_LINES = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid', 'middle'].flatMap((side) =>
    ['', '-mid', '-left', '-right'].map((corner) => [`${side}${corner}`, '']),
  ),
);

/** Rows below a line of heads, as wide as they are; columns without any content are left out. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = columns.map((column) => rows.map((row) => printable(column.cell(row) ?? '')));
  const shown = columns.flatMap((column, at) => (cells[at]?.some((text) => text !== '') ? [{ column, at }] : []));
  const text = new Table({
    head: shown.map(({ column }) => column.head),
    chars: { ...NO_LINES, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  for (const [index, row] of rows.entries()) {
    text.push(
      shown.map(({ column, at }) => {
        const cell = cells[at]?.[index] ?? '';
        return column.paint && cell !== '' ? column.paint(cell, row) : cell;
      }),
    );
  }
  return `${text.toString().replace(/ +$/gm, '')}\n`;
}
