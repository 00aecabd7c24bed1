import { inspect, types } from 'node:util';

/** Under this an object says what it is, where it must not be taken for data. It has to have something else that V8 refuses. */
export const MAKES_NO_COPY = Symbol('makes no copy');

/** Shared memory of which views may be copied: that of values that were put. */
export const putMemory = new WeakSet<ArrayBufferLike>();

/** Where in a value something stands that cannot be copied to another process, and what it is. */
export interface Uncloneable {
  /** As one would write it after the value's name: `.options.onDone` or `[2]`. Empty for the value itself. */
  path: string;
  /** "a function", for instance. */
  what: string;
}

/**
 * Finds the first part of a value that cannot be copied, or undefined when there is none. What an error holds does not
 * count: it arrives without the fields that cannot be copied.
 *
 * @param known objects that were found good before; those found good now are added.
 */
export function findUncloneable(value: unknown, known = new Set<object>()): Uncloneable | undefined {
  const seen = new Set<object>();
  const open: { value: unknown; path: string }[] = [{ value, path: '' }];
  for (const item of open) {
    const what = kindOfUncloneable(item.value);
    if (what) return { path: item.path, what };
    if (
      typeof item.value !== 'object' ||
      item.value === null ||
      seen.has(item.value) ||
      known.has(item.value)
    )
      continue;
    seen.add(item.value);
    if (isError(item.value)) continue;
    const { path } = item;
    for (const part of partsOf(item.value)) open.push({ value: part.value, path: path + part.step });
  }
  for (const good of seen) known.add(good);
  return undefined;
}

/** Also true for errors of another realm (vm contexts, jest) and for DOMException. */
export function isError(value: unknown): value is Error {
  if (types.isNativeError(value) || value instanceof Error) return true;
  return Object.prototype.toString.call(value) === '[object DOMException]';
}

function kindOfUncloneable(value: unknown): string | undefined {
  if (typeof value === 'function') return value.name ? `a function (${value.name})` : 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  if (typeof value !== 'object' || value === null) return undefined;
  if (types.isProxy(value)) return 'a Proxy';
  const own: unknown = Reflect.get(value, MAKES_NO_COPY);
  if (typeof own === 'string') return own;
  if (isDetached(value)) return 'a detached buffer (its bytes were transferred elsewhere)';
  if (types.isPromise(value)) return 'a Promise (await it first)';
  if (types.isWeakMap(value)) return 'a WeakMap';
  if (types.isWeakSet(value)) return 'a WeakSet';
  if (types.isGeneratorObject(value)) return 'a generator';
  if (value instanceof WeakRef) return 'a WeakRef';
  if (types.isSharedArrayBuffer(value)) return 'a SharedArrayBuffer';
  if (ArrayBuffer.isView(value) && types.isSharedArrayBuffer(value.buffer) && !putMemory.has(value.buffer))
    return 'a view of a SharedArrayBuffer';
  if (types.isExternal(value) || types.isModuleNamespaceObject(value)) return 'a host object';
  return undefined;
}

/** Whether a buffer, or that of a view, has given its bytes away. */
export function isDetached(value: object): boolean {
  const buffer = ArrayBuffer.isView(value) ? value.buffer : value;
  if (!types.isArrayBuffer(buffer) || buffer.byteLength > 0) return false;
  try {
    new Uint8Array(buffer); // Node 20 has no ArrayBuffer.detached.
    return false;
  } catch {
    return true;
  }
}

function* partsOf(value: object): Generator<{ step: string; value: unknown }> {
  if (ArrayBuffer.isView(value)) return;
  if (types.isMap(value)) {
    for (const [key, item] of value) {
      yield { step: `[key ${label(key)}]`, value: key };
      yield { step: `.get(${label(key)})`, value: item };
    }
  } else if (types.isSet(value)) {
    for (const item of value) yield { step: '[a member]', value: item };
  } else {
    const isArray = Array.isArray(value);
    for (const key of Object.keys(value)) {
      const step =
        isArray && /^\d+$/.test(key)
          ? `[${key}]`
          : /^[A-Za-z_$][\w$]*$/.test(key)
            ? `.${key}`
            : `[${label(key)}]`;
      yield { step, value: (value as Record<string, unknown>)[key] };
    }
  }
}

function label(key: unknown): string {
  if (typeof key === 'string') return JSON.stringify(key.length > 30 ? `${key.slice(0, 30)}…` : key);
  return typeof key === 'object' ? 'an object' : inspect(key);
}
