import { createHash } from 'node:crypto';
import { types } from 'node:util';
import { Script } from 'node:vm';
import { LRUCache } from 'lru-cache';
import { messageOf, PoolError } from '../../core/errors.js';
import { functionId, type FunctionId } from '../../core/ids.js';
import { checkSize, MAX_SOURCE_BYTES } from '../values/size-limit.js';

/** A function as it travels: an expression that evaluates to it, known by the hash of that text. */
export interface ShippedFunction {
  id: FunctionId;
  source: string;
  /** For people: the function's own name, else `anonymous`. */
  name: string;
}

// Inline closures are new objects at every call while their text stays the same, hence the second cache.
const byFunction = new WeakMap<object, ShippedFunction>();
const byText = new LRUCache<string, { id: FunctionId; source: string }>({ max: 1_000 });

/** @throws PoolError `not-shippable` for what has no source that would mean the same elsewhere; `too-large` */
export function shipFunction(fn: unknown): ShippedFunction {
  if (typeof fn !== 'function') {
    const given = fn === null ? 'null' : typeof fn;
    throw new PoolError('not-shippable', `expected a function to run, got ${given}`);
  }
  const known = byFunction.get(fn);
  if (known) return known;
  const text = Function.prototype.toString.call(fn);
  let form = byText.get(text);
  if (!form) {
    checkSize(text.length, `the source of \`${fn.name || 'anonymous'}\``, MAX_SOURCE_BYTES);
    const source = sourceOf(fn, text);
    form = { source, id: idOf(source) };
    byText.set(text, form);
  }
  const shipped = { ...form, name: fn.name || 'anonymous' };
  byFunction.set(fn, shipped);
  return shipped;
}

export function idOf(source: string): FunctionId {
  return functionId(createHash('sha256').update(source).digest('hex'));
}

function sourceOf(fn: { name: string }, text: string): string {
  const name = fn.name ? `\`${fn.name}\`` : 'the function';
  if (types.isProxy(fn)) {
    throw new PoolError(
      'not-shippable',
      `${name} is a Proxy, which hides its source; pass the function behind it`,
    );
  }
  if (/\{\s*\[native code\]\s*\}$/.test(text)) {
    if (fn.name.startsWith('bound ')) {
      throw new PoolError(
        'not-shippable',
        `${name} was made by bind(), which hides its source; pass the function itself and its arguments`,
      );
    }
    throw new PoolError(
      'not-shippable',
      `${name} is built into Node and has no source to send; wrap it: (...args) => ${fn.name || 'fn'}(...args)`,
    );
  }
  if (/^[gs]et\s+[^\s(]/.test(text)) {
    throw new PoolError(
      'not-shippable',
      `${name} is a getter or setter; send a function that uses it: (o) => o.property`,
    );
  }
  if (/^class(?!\s*\()\b/.test(text)) {
    throw new PoolError(
      'not-shippable',
      `${name} is a class; send a function that makes one: (...args) => new ${fn.name || 'Class'}(...args).method()`,
    );
  }
  // A method's text (`area() { … }`) is no expression by itself; inside an object literal it is.
  const forms = [
    text,
    `((o) => Object.getOwnPropertyDescriptor(o, Reflect.ownKeys(o)[0]).value)({ ${text} })`,
  ];
  let reason: unknown;
  for (const form of forms) {
    try {
      new Script(`(${form}\n)`);
      return form;
    } catch (error) {
      reason ??= error;
    }
  }
  throw new PoolError(
    'not-shippable',
    `${name} cannot be sent: its source does not parse (${messageOf(reason)})`,
    {
      cause: reason,
    },
  );
}
