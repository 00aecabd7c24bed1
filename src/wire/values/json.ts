import { bufferOf } from './buffer.js';
import { messageOf, PoolError } from '../../core/errors.js';
import { tooLarge } from './size-limit.js';

/**
 * @throws PoolError `not-cloneable`, naming the path to the part that JSON cannot carry. An `undefined` member of an
 * object is left out, as JSON does; `undefined` itself is null. `too-large` for what is longer than any text.
 */
export function encodeJson(value: unknown, label: string): Buffer {
  try {
    check(value, label, []);
    return Buffer.from(JSON.stringify(value) ?? 'null');
  } catch (error) {
    if (error instanceof PoolError) throw error;
    if (messageOf(error) === 'Invalid string length') throw tooLarge(label, 'more than 512 MiB as JSON');
    // What `toJSON` made of it, or too deep a nesting.
    throw new PoolError('not-cloneable', `${label} cannot be written as JSON: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** @throws PoolError `invalid-argument` when the bytes are not JSON. */
export function decodeJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(bufferOf(bytes).toString()) as unknown;
  } catch (error) {
    throw new PoolError('invalid-argument', `a JSON payload cannot be decoded: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function check(value: unknown, path: string, above: object[]): void {
  const what = kindBeyondJson(value);
  if (what) throw new PoolError('not-cloneable', `${path} is ${what}, which JSON cannot carry`);
  if (typeof value !== 'object' || value === null) return;
  if (above.includes(value))
    throw new PoolError('not-cloneable', `${path} refers back to itself, which JSON cannot carry`);
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return;
  above.push(value);
  if (Array.isArray(value)) value.forEach((item, index) => check(item, `${path}[${index}]`, above));
  else
    for (const [key, item] of Object.entries(value))
      if (item !== undefined) check(item, `${path}.${key}`, above);
  above.pop();
}

function kindBeyondJson(value: unknown): string | undefined {
  if (typeof value === 'bigint') return 'a BigInt';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (value instanceof Map) return 'a Map';
  if (value instanceof Set) return 'a Set';
  if (value instanceof RegExp) return 'a RegExp';
  if (value instanceof Error) return 'an Error';
  if (value instanceof Promise) return 'a Promise';
  if (value instanceof ArrayBuffer || (ArrayBuffer.isView(value) && !Buffer.isBuffer(value)))
    return 'binary data';
  return undefined;
}
