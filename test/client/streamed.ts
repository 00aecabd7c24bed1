import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './support.js';

export const folder = temporaryFolder();

let files = 0;
/** A path of a file that is not there yet. */
export const newFile = () => join(folder.path, String(files++));
/** What stands in a file so far. */
export const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

export function* upTo(n: number) {
  for (let i = 1; i <= n; i++) yield i;
}

/** Makes numbers without end; writes down each of them, and its end. */
export async function* written(path: string) {
  const { appendFileSync } = await import('node:fs');
  try {
    for (let n = 1; ; n++) {
      appendFileSync(path, '.');
      yield n;
    }
  } finally {
    await new Promise((resolve) => setTimeout(resolve, 20));
    appendFileSync(path, 'end');
  }
}

export async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}
