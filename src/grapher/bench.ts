import { readRows } from './csv.js';
import { GrapherError } from './errors.js';
import { median } from './numbers.js';

/** One cell of the bench: one function run by so many clients on so many workers. */
export type BenchCell = {
  /** What ran, such as `no-op` or `10 ms CPU`. */
  function: string;
  clients: number;
  workers: number;
  /** Tasks completed per second; the median where a cell was measured several times. */
  throughputPerS: number;
  /** Tasks that failed, all repetitions together. */
  failed: number;
};

/**
 * Reads `profiling/bench.csv`. Rows of the same cell are repetitions and become one.
 * @param name how errors call the file
 * @throws GrapherError with file and line when a value is not what its column says or the last line may be cut
 */
export function parseBench(text: string, name: string): BenchCell[] {
  const cells = new Map<string, BenchCell & { all: number[] }>();
  let lastLine = 1;
  readRows(text, name, (row) => {
    lastLine = row.line;
    const label = row.text('function').trim();
    if (label === '') throw row.error('function should be a name, got nothing');
    const clients = row.count('clients');
    const workers = row.count('workers');
    if (clients === 0 || workers === 0) throw row.error('clients and workers should be 1 or more');
    for (const column of ['seconds', 'completed']) row.number(column);
    const key = JSON.stringify([label, clients, workers]);
    const cell = cells.get(key) ?? {
      function: label,
      clients,
      workers,
      throughputPerS: 0,
      failed: 0,
      all: [],
    };
    cell.all.push(row.number('throughput_per_s'));
    cell.failed += row.count('failed');
    cells.set(key, cell);
  });
  // The figure that is drawn stands last in its line: cut by a digit it would still look like one.
  if (lastLine > 1 && !text.endsWith('\n')) {
    throw new GrapherError(
      `${name}, line ${lastLine}: the last line has no line break, so its last figure may be cut short; ` +
        'end it with a line break or run the bench again.',
    );
  }
  return [...cells.values()].map(({ all, ...cell }) => ({ ...cell, throughputPerS: median(all) }));
}
