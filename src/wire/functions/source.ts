import { types } from 'node:util';
import { LRUCache } from 'lru-cache';
import { messageOf, PoolError } from '../../core/errors.js';
import type { FunctionId } from '../../core/ids.js';
import { checkSize, MAX_SOURCE_BYTES } from '../values/size-limit.js';
import { evaluator } from './compile.js';
import { type FreeNames, freeNamesOf } from './free-names.js';
import type { Part } from './parts.js';

/** A function as it travels: an expression that evaluates to it, known by the hash of that text. */
export interface ShippedFunction {
  id: FunctionId;
  /** With `parts` it evaluates to a function of these, which makes the function. */
  source: string;
  /** For people: the function's own name, else `anonymous`. */
  name: string;
  parts: readonly Part[];
  /** How it is written, as far as people are shown it. */
  preview: string;
}

/** What stands written, as an expression that evaluates to the same function or class. */
export interface Code {
  source: string;
  isClass: boolean;
  /** Undefined where nobody can tell. */
  free: FreeNames | undefined;
}

// Inline closures are new objects at every call while their text stays the same.
const byText = new LRUCache<string, Code>({ max: 1_000 });

/**
 * Reads the source of a function or class, and what it uses from outside.
 *
 * @throws PoolError `not-shippable` for what has no source that would mean the same elsewhere; `too-large`
 */
export function codeOf(fn: { name: string }): Code {
  const text = Function.prototype.toString.call(fn);
  const known = byText.get(text);
  if (known) return known;
  checkSize(text.length, `the source of \`${fn.name || 'anonymous'}\``, MAX_SOURCE_BYTES);
  const source = sourceOf(fn, text);
  const code = { source, isClass: isClass(text), free: freeNamesOf(source) };
  byText.set(text, code);
  return code;
}

function isClass(text: string): boolean {
  return /^class(?!\s*\()\b/.test(text);
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
  // A method's text (`area() { … }`) is no expression by itself; inside an object literal it is.
  const forms = [
    text,
    `((o) => Object.getOwnPropertyDescriptor(o, Reflect.ownKeys(o)[0]).value)({ ${text} })`,
  ];
  const reasons: unknown[] = [];
  for (const form of forms) {
    try {
      evaluator(form);
      return form;
    } catch (error) {
      reasons.push(error);
    }
  }
  throw new PoolError('not-shippable', `${name} ${whyNot(reasons.map(messageOf))}`, { cause: reasons[0] });
}

/** @param reasons what V8 says of each form in which a function could be an expression. */
function whyNot(reasons: readonly string[]): string {
  const [reason = ''] = reasons;
  if (reasons.some((why) => why.includes('import.meta')))
    return 'uses import.meta, which belongs to its module; pass what it takes from there (import.meta.url) as an argument';
  const [, hidden] = /Private field '(#[^']+)'/.exec(reasons.join('\n')) ?? [];
  if (hidden)
    return `uses ${hidden}, which only code inside its class may; send a function that makes the object, with the class captured: pool.with({ capture: { … } })`;
  return `cannot be sent: its source does not parse (${reason})`;
}
