import { parse } from 'csv-parse/sync';
import { GrapherError } from './errors.js';

/** Columns of `profiling/results_<N>.csv`: a row per worker per sample. */
const PROFILE_COLUMNS = [
  'time_s',
  'worker',
  'busy',
  'busy_fraction',
  'completed',
  'failed',
  'cpu_percent',
  'rss_bytes',
] as const;

/** Columns of `profiling/bench.csv`: a row per cell of the bench. */
const BENCH_COLUMNS = [
  'function',
  'clients',
  'workers',
  'seconds',
  'completed',
  'failed',
  'throughput_per_s',
] as const;

/** What a CSV file holds, told by its header. */
export type CsvKind = 'profile' | 'bench';

const BYTE_ORDER_MARK = '\uFEFF';

/**
 * Tells by its header what `text` holds. Order of the columns and further columns do not matter.
 * @param name how errors call the file
 * @throws GrapherError when the file is empty or the header is neither of ours
 */
export function kindOf(text: string, name: string): CsvKind {
  if (text.replace(BYTE_ORDER_MARK, '').trim() === '') {
    throw new GrapherError(`${name} is empty: expected a CSV with a header that offhand wrote.`);
  }
  const columns = headerOf(text);
  const has = (expected: readonly string[]): boolean => expected.every((column) => columns.includes(column));
  if (has(PROFILE_COLUMNS)) return 'profile';
  if (has(BENCH_COLUMNS)) return 'bench';
  throw new GrapherError(
    `${name}, line 1: not a file that offhand wrote: expected the columns ${PROFILE_COLUMNS.join(',')} (a profile) ` +
      `or ${BENCH_COLUMNS.join(',')} (a bench), got "${printable(columns.join(','))}".`,
  );
}

/** One row at a time, with the checks that name file, line and column. The same object is reused for every row. */
export class CsvRow {
  /** Line of the file, counted from 1. */
  line = 0;
  values: readonly string[] = [];
  readonly #name: string;
  readonly #columns: ReadonlyMap<string, number>;

  constructor(name: string, header: readonly string[]) {
    this.#name = name;
    this.#columns = new Map(header.map((column, index) => [column, index]));
  }

  /** The value as it stands, `''` when empty. */
  text(column: string): string {
    return this.values[this.#columns.get(column) ?? -1] ?? '';
  }

  /** A finite number, 0 or more. @throws GrapherError otherwise */
  number(column: string): number {
    const text = this.text(column).trim();
    const value = Number(text);
    if (text === '' || !Number.isFinite(value)) throw this.error(`${column} should be a number`, text);
    if (value < 0) throw this.error(`${column} should not be negative`, text);
    return value;
  }

  /** A whole number, 0 or more. @throws GrapherError otherwise */
  count(column: string): number {
    const value = this.number(column);
    if (!Number.isInteger(value)) throw this.error(`${column} should be a whole number`, this.text(column));
    return value;
  }

  /** As `number`, but `null` when the value is empty. @throws GrapherError when it is neither */
  optionalNumber(column: string): number | null {
    return this.text(column).trim() === '' ? null : this.number(column);
  }

  /** An error about this line. `got` is quoted in it. */
  error(what: string, got?: string): GrapherError {
    return atLine(this.#name, this.line, got === undefined ? what : `${what}, got "${printable(got)}"`);
  }
}

/**
 * Calls `onRow` for every row below the header; blank lines are passed over.
 * @param name how errors call the file
 * @throws GrapherError when the text is no CSV, or a line has too few or too many values
 */
export function readRows(text: string, name: string, onRow: (row: CsvRow) => void): void {
  const header = headerOf(text);
  const row = new CsvRow(name, header);
  const lastLine = text.endsWith('\n') ? Infinity : text.split('\n').length;
  const onRecord = (record: string[], context: { lines: number }): null => {
    const isBlank = record.length === 1 && record[0]?.trim() === '';
    if (context.lines === 1 || isBlank) return null;
    row.line = context.lines;
    row.values = record;
    if (record.length < header.length && row.line >= lastLine) {
      const found = `${record.length} of ${header.length} values`;
      throw row.error(`the last line is cut short (${found}): remove it to draw the lines above`);
    }
    if (record.length !== header.length) {
      throw row.error(`expected ${header.length} values, got ${record.length}`);
    }
    onRow(row);
    return null;
  };
  try {
    parse(text, { bom: true, relax_column_count: true, on_record: onRecord });
  } catch (error) {
    throw asGrapherError(error, name);
  }
}

function headerOf(text: string): string[] {
  const end = text.search(/[\r\n]/);
  const line = (end < 0 ? text : text.slice(0, end)).replace(BYTE_ORDER_MARK, '');
  return line.split(',').map((column) => column.trim().replace(/^"(.*)"$/, '$1'));
}

/** csv-parse has codes and sentences of its own; only quotes can go wrong, as the count of values is checked above. */
function asGrapherError(error: unknown, name: string): unknown {
  if (error instanceof GrapherError || !(error instanceof Error) || !('code' in error)) return error;
  const line = 'lines' in error && typeof error.lines === 'number' ? error.lines : 1;
  const what =
    error.code === 'CSV_QUOTE_NOT_CLOSED'
      ? 'a quote is opened and never closed'
      : 'a quote stands where none belongs';
  return atLine(name, line, what);
}

function atLine(name: string, line: number, what: string): GrapherError {
  return new GrapherError(`${name}, line ${line}: ${what}.`);
}

/** Text of a stranger's file, fit for one line of a terminal. */
function printable(text: string): string {
  const plain = text.replace(/[^\x20-\x7E\u00A0-\uFFEF]/g, '?');
  return plain.length > 80 ? `${plain.slice(0, 80)}…` : plain;
}
