import { isAbsolute, relative } from 'node:path';
import { locate } from './function-location.js';

/** Where a function is written, `src/app.ts:12`; undefined where nobody knows (code of `eval`). Takes some ms: for errors only. */
export function placeOf(fn: object): string | undefined {
  const place = locate(fn, Function.prototype.toString.call(fn))(1, 1);
  if (!place || !isAbsolute(place.file)) return undefined;
  const short = relative(process.cwd(), place.file);
  return `${short.startsWith('..') ? place.file : short}:${place.line}`;
}
