import Table from 'cli-table3';
import { plain } from './plain.js';

const BORDERS = [
  ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
  ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
];

/** No borders: a pipe can take the lines apart, and a terminal of 80 characters holds more. */
const LOOK = {
  style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
  chars: Object.fromEntries(BORDERS.map((name) => [name, ''])),
};

interface TableOptions {
  /** Heads of columns whose cells stand at the right. */
  numbers?: readonly string[];
  /** How wide the columns are, with two characters between them; what is longer is cut. @default as their cells are */
  widths?: number[];
  /** How wide a line may be: what is longer is cut. @default as the terminal that stdout is; in a pipe there is no limit */
  width?: number;
}

/** A line for the heads, and one for each row; nothing in them that a terminal would obey. */
export function tableLines(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { numbers = [], widths, width = terminalWidth() }: TableOptions = {},
): string[] {
  const table = new Table({
    ...LOOK,
    head: [...head],
    colAligns: head.map((name) => (numbers.includes(name) ? 'right' : 'left')),
    ...(widths && { colWidths: widths, wordWrap: false }),
  });
  for (const row of rows) table.push(row.map(plain));
  return table
    .toString()
    .split('\n')
    .map((line) => cut(line.trimEnd(), width));
}

/** In characters. */
export function terminalWidth(): number {
  return process.stdout.isTTY ? process.stdout.columns : Infinity;
}

export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** `1 worker`, `2 workers`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
