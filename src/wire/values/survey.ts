import { inspect, types } from 'node:util';
import { findUncloneable, isError } from './uncloneable.js';

/** The bytes of one buffer that a value really uses. */
export interface UsedRange {
  start: number;
  end: number;
}

/** What a value contains that V8's serializer alone would not carry whole. */
export interface Survey {
  /** Errors, each once: their names and own fields would be lost. */
  errors: { error: Error; fields: [key: string, value: unknown][] }[];
  /** For every buffer behind a view: the part that the value's views cover, so that nothing else is sent. */
  ranges: Map<ArrayBufferLike, UsedRange>;
  /** What texts and buffers take at least when they are encoded, in bytes. */
  leastBytes: number;
}

/** Walks through everything reachable from a value. */
export function survey(value: unknown): Survey {
  const found: Survey = { errors: [], ranges: new Map(), leastBytes: 0 };
  if (typeof value === 'string') found.leastBytes = value.length;
  if (typeof value !== 'object' || value === null) return found;
  const seen = new Set<object>();
  const known = new Set<object>();
  const open: object[] = [value];
  const visit = (part: unknown) => {
    if (typeof part === 'object' && part !== null) open.push(part);
    else if (typeof part === 'string') found.leastBytes += part.length;
  };
  for (let item = open.pop(); item; item = open.pop()) {
    if (seen.has(item)) continue;
    seen.add(item);
    if (Array.isArray(item)) {
      item.forEach(visit);
      for (const key of namedFields(item)) visit((item as unknown as Record<string, unknown>)[key]);
    } else if (ArrayBuffer.isView(item)) cover(found.ranges, item.buffer, item.byteOffset, item.byteLength);
    else if (types.isAnyArrayBuffer(item)) cover(found.ranges, item, 0, item.byteLength);
    else if (types.isMap(item)) item.forEach((part, key) => (visit(key), visit(part)));
    else if (types.isSet(item)) item.forEach(visit);
    else if (isError(item)) {
      const fields = cloneableFields(item, known);
      found.errors.push({ error: item, fields });
      for (const [, part] of fields) visit(part);
    } else for (const key of Object.keys(item)) visit((item as Record<string, unknown>)[key]);
  }
  for (const { start, end } of found.ranges.values()) found.leastBytes += end - start;
  return found;
}

/** From this length on an array is asked whether it has named fields before its keys are listed, which takes long. */
const LONG = 64;

/** The fields of an array that are none of its items. */
function namedFields(array: readonly unknown[]): string[] {
  if (array.length >= LONG && !mayHaveNamedFields(array)) return [];
  return Object.keys(array).filter((key) => !/^\d+$/.test(key));
}

/** Node's `inspect` alone can tell without making a text of every index. */
function mayHaveNamedFields(array: readonly unknown[]): boolean {
  return !/more items?\s*\]$/.test(inspect(array, { maxArrayLength: 0, depth: 0, customInspect: false }));
}

/** An error often drags along what cannot be sent (a socket, a callback); it must arrive all the same, without those. */
function cloneableFields(error: Error, known: Set<object>): [string, unknown][] {
  const fields = Object.getOwnPropertyNames(error).map((key): [string, unknown] => [
    key,
    Reflect.get(error, key),
  ]);
  // A DOMException keeps these on its prototype.
  for (const key of ['message', 'code']) {
    const value: unknown = Reflect.get(error, key);
    if (!Object.hasOwn(error, key) && value !== undefined && value !== '') fields.push([key, value]);
  }
  return fields.filter(([, value]) => findUncloneable(value, known) === undefined);
}

function cover(ranges: Survey['ranges'], buffer: ArrayBufferLike, start: number, length: number): void {
  const range = ranges.get(buffer);
  if (!range) ranges.set(buffer, { start, end: start + length });
  else {
    range.start = Math.min(range.start, start);
    range.end = Math.max(range.end, start + length);
  }
}
