import { basename } from 'node:path';
import { Script } from 'node:vm';
import { PoolError } from '../../core/errors.js';
import { sourcePreview } from '../../core/preview.js';
import { TASK_GLOBAL } from '../../wire/functions/current.js';
import { compilerHelper } from '../../wire/functions/compiler-helpers.js';
import { idOf } from '../../wire/functions/function-id.js';
import { keyOf, type Part } from '../../wire/functions/parts.js';
import { type Code, codeOf, type ShippedFunction } from '../../wire/functions/source.js';
import { checkSize, MAX_SOURCE_BYTES } from '../../wire/values/size-limit.js';
import { encodePayload } from '../../wire/values/payload.js';
import { type Missing, notShippable } from './missing-names.js';
import { type Exported, exportedOf } from '../modules/remote-module.js';

type Named = object & { name: string };

/** What functions of the same text have in common. */
type Form = Omit<ShippedFunction, 'name'>;

/** A function or class, and the object that it is. */
interface CapturedCode extends Code {
  of: Named;
}

/**
 * What Node has, as it was when this was loaded: what the program has added since is not on a worker. `require` is there
 * for every task.
 */
const GLOBALS = new Set<string>(['require', TASK_GLOBAL, ...namesOf(globalThis)]);

/**
 * What goes along with functions by name, `capture` in the options of a call, and how functions are made ready to be sent:
 * what they use from outside is found in it, or supplied, or the call is refused.
 */
export class Captures {
  static readonly none = new Captures(new Map(), new Map());

  readonly #code: ReadonlyMap<string, CapturedCode>;
  /** Captured data, modules, and functions of modules. */
  readonly #parts: ReadonlyMap<string, Exported>;
  readonly #byFunction = new WeakMap<object, ShippedFunction>();
  readonly #byCode = new WeakMap<Code, Form>();

  private constructor(code: ReadonlyMap<string, CapturedCode>, parts: ReadonlyMap<string, Exported>) {
    this.#code = code;
    this.#parts = parts;
  }

  /**
   * These and those; where both have a name, the new ones go before.
   *
   * @throws PoolError `invalid-argument` for a key that is no name for a variable; `not-shippable`, `not-cloneable`,
   * `too-large` for what cannot be sent
   */
  with(given: Record<string, unknown>): Captures {
    const code = new Map(this.#code);
    const parts = new Map(this.#parts);
    for (const [key, value] of Object.entries(given)) {
      checkName(key);
      code.delete(key);
      parts.delete(key);
      const exported = exportedOf(value);
      if (exported) parts.set(key, exported);
      else if (typeof value === 'function') code.set(key, { ...codeOf(value), of: value });
      else parts.set(key, { part: dataPart(key, value), member: undefined });
    }
    return new Captures(code, parts);
  }

  /**
   * Makes a function ready to be sent. What was found out about it is kept.
   *
   * @throws PoolError `not-shippable`, naming all that it lacks; `too-large`
   */
  ship(fn: unknown): ShippedFunction {
    if (typeof fn !== 'function') {
      const given = fn === null ? 'null' : typeof fn;
      throw new PoolError('not-shippable', `expected a function to run, got ${given}`);
    }
    const known = this.#byFunction.get(fn);
    if (known) return known;
    const exported = exportedOf(fn);
    if (exported) return this.#keep(fn, shipExported(exported));
    const code = codeOf(fn);
    if (code.isClass) throw isAClass(fn);
    const form = this.#byCode.get(code) ?? this.#compose(code, fn);
    return this.#keep(fn, { ...form, name: fn.name || 'anonymous' });
  }

  #keep(fn: object, shipped: ShippedFunction): ShippedFunction {
    this.#byFunction.set(fn, shipped);
    return shipped;
  }

  #compose(code: Code, fn: Named): Form {
    const main = { ...code, of: fn };
    const used = this.#usedBy(main);
    if (used.missing.length > 0) throw notShippable(used.missing);
    const source = wrap(main.source, used);
    checkSize(source.length, `the source of \`${main.of.name || 'anonymous'}\``, MAX_SOURCE_BYTES);
    const preview = sourcePreview(Function.prototype.toString.call(fn));
    const form = { id: idOf(source), source, parts: partsOf(used), preview };
    // One that calls itself by its name is found there by that name alone.
    if (!used.code.has(fn.name)) this.#byCode.set(code, form);
    return form;
  }

  /** Everything that a function reaches by name, and what of it is nowhere to be found. */
  #usedBy(main: CapturedCode): Used {
    const used: Used = { code: new Map(), parts: new Map(), helpers: new Map(), missing: [] };
    const use = (name: string): boolean => {
      const part = this.#parts.get(name);
      const code = this.#code.get(name);
      if (part) used.parts.set(name, part);
      else if (code) {
        if (used.code.has(name)) return true;
        used.code.set(name, code);
        useAll(code);
      } else if (!GLOBALS.has(name) && name === main.of.name) {
        used.code.set(name, main); // An arrow function that calls itself by the name of its variable.
      } else return GLOBALS.has(name) || useHelper(name, used.helpers);
      return true;
    };
    const useAll = ({ of, free }: CapturedCode) => {
      if (!free) {
        // Nobody can tell what it uses.
        for (const name of [...this.#code.keys(), ...this.#parts.keys()]) use(name);
        return;
      }
      const names = free.names.filter((name) => !use(name));
      if (names.length > 0 || free.usesOuterThis)
        used.missing.push({ by: of, names, usesOuterThis: free.usesOuterThis });
    };
    useAll(main);
    return used;
  }
}

/** By name: what goes along with one function. */
interface Used {
  code: Map<string, CapturedCode>;
  parts: Map<string, Exported>;
  helpers: Map<string, string>;
  missing: Missing[];
}

/** A helper may use others. */
function useHelper(name: string, helpers: Map<string, string>): boolean {
  const source = compilerHelper(name);
  if (source === undefined) return false;
  if (helpers.has(name)) return true;
  helpers.set(name, source);
  for (const [inner] of source.matchAll(/\b__\w+(?=\()/g)) useHelper(inner, helpers);
  return true;
}

/** The hashes of the parts stand in the text, so that it changes when they do. */
function wrap(source: string, used: Used): string {
  const { code, parts, helpers } = used;
  if (code.size + parts.size + helpers.size === 0) return source;
  const lines: string[] = [];
  for (const [name, helper] of helpers) lines.push(`const ${name} = ${helper};`);
  const sent = partsOf(used);
  for (const [name, { part, member }] of parts) {
    const place = `parts[${sent.findIndex((one) => keyOf(one) === keyOf(part))}]`;
    lines.push(`const ${name} = ${member === undefined ? place : memberOf(place, member)}; // ${part.id}`);
  }
  for (const [name, { source: text }] of inOrder(code)) lines.push(`const ${name} = (${text}\n);`);
  lines.push(`return (${source}\n);`);
  const maker = `(parts) => {\n${lines.join('\n')}\n}`;
  return parts.size > 0 ? maker : `(${maker})()`;
}

/** What a class needs as soon as it is defined stands before it. Functions need nothing before they are called. */
function inOrder(code: Map<string, CapturedCode>): Map<string, CapturedCode> {
  const ordered = new Map<string, CapturedCode>();
  const add = (name: string, above: readonly string[]) => {
    const item = code.get(name);
    if (!item || ordered.has(name) || above.includes(name)) return;
    for (const eager of item.free?.eager ?? []) add(eager, [...above, name]);
    ordered.set(name, item);
  };
  for (const [name, { isClass }] of code) if (!isClass) add(name, []);
  for (const name of code.keys()) add(name, []);
  return ordered;
}

/** Each once. */
function partsOf({ parts }: Used): Part[] {
  const byKey = new Map<string, Part>();
  for (const { part } of parts.values()) byKey.set(keyOf(part), part);
  return [...byKey.values()];
}

/** What a CommonJS module exports is its default, too. */
function memberOf(place: string, member: string): string {
  const key = JSON.stringify(member);
  return member === 'default' ? `('default' in ${place} ? ${place}.default : ${place})` : `${place}[${key}]`;
}

function shipExported({ part, member = 'default' }: Exported): ShippedFunction {
  const names = 'Object.keys(parts[0]).join(", ")';
  // Without its folder: the same module makes the same source, wherever the program was started.
  const words = JSON.stringify(`${basename(part.name)} has no function ${member}; it exports `);
  const aClass = JSON.stringify(
    `${member} of ${basename(part.name)} is a class; send a function that makes one, with the module captured: ` +
      `pool.with({ capture: { m } }).run(() => new m.${member}())`,
  );
  const source =
    `(parts) => {\n// ${part.id}\nconst member = ${memberOf('parts[0]', member)};\n` +
    `if (typeof member !== 'function') throw new TypeError(${words} + (${names} || 'nothing'));\n` +
    `if (/^class(?!\\s*\\()\\b/.test(Function.prototype.toString.call(member))) throw new TypeError(${aClass});\n` +
    `return member;\n}`;
  return { id: idOf(source), source, name: member, parts: [part], preview: `// ${member} of ${part.name}` };
}

function dataPart(key: string, value: unknown): Part {
  const { data } = encodePayload(value, 'V8', `capture.${key}`);
  return { kind: 'DATA', id: idOf(data), name: key, data, remedy: '' };
}

function checkName(key: string): void {
  if (/^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u.test(key)) {
    try {
      new Script(`(() => { 'use strict'; const ${key} = 0; })`);
      return;
    } catch {
      // A reserved word.
    }
  }
  throw new PoolError(
    'invalid-argument',
    `capture: its keys are the names by which functions find what goes along, and ${JSON.stringify(key)} is no name for a variable`,
  );
}

function isAClass(fn: Named): PoolError {
  return new PoolError(
    'not-shippable',
    `${fn.name ? `\`${fn.name}\`` : 'the function'} is a class; send a function that makes one, with the class captured: ` +
      `pool.with({ capture: { ${fn.name || 'Class'} } }).run((...args) => new ${fn.name || 'Class'}(...args).method(), …)`,
  );
}

function namesOf(object: object): string[] {
  const names: string[] = [];
  for (let own: object | null = object; own; own = Object.getPrototypeOf(own) as object | null)
    names.push(...Object.getOwnPropertyNames(own));
  return names;
}
