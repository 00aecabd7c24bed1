import { basename } from 'node:path';
import { type CompiledFile, moduleFileName, taskFileName } from '../../core/stack.js';
import type { ShippedFunction } from '../../wire/functions/source.js';
import { locate } from './function-location.js';
import { placesIn } from '../modules/module-places.js';
import type { Locator } from './source-map.js';

/**
 * The files that workers compile of a function, and where their code is written here.
 *
 * @param fn the function as it is here; undefined where it is only passed on.
 */
export function writtenFiles(fn: object | undefined, { id, source, parts }: ShippedFunction): CompiledFile[] {
  const files: CompiledFile[] = [];
  if (fn) {
    let locator: Locator | undefined;
    const placeOf: Locator = (line, column) => (locator ??= locateIn(fn, source))(line, column);
    files.push({ name: taskFileName(id), placeOf });
  }
  for (const part of parts) {
    if (part.kind !== 'MODULE') continue;
    const placeOf: Locator = (line, column) => placesIn(part)?.(line, column);
    files.push({ name: moduleFileName(part.id, basename(part.name)), placeOf });
  }
  return files;
}

/** From a place in the script that a worker compiled to the one where it is written. */
function locateIn(fn: object, source: string): Locator {
  const text = Function.prototype.toString.call(fn);
  const locator = locate(fn, text);
  // The worker puts a parenthesis in front, and what is sent may have more around the text.
  const before = `(${source}`.slice(0, 1 + Math.max(0, source.indexOf(text))).split('\n');
  const lines = before.length - 1;
  const columns = before.at(-1)?.length ?? 0;
  return (line, column) => {
    const inText = line - lines;
    return inText < 1 ? undefined : locator(inText, inText === 1 ? column - columns : column);
  };
}
