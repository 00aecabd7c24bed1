import { PoolError } from '../../core/errors.js';
import { idOf } from './function-id.js';
import { keyOf, type Part } from './parts.js';
import { withoutSetups } from './setup.js';

/** A function that may run in a pool with `--code named`. */
export interface NamedFunction {
  /** For people, and to replace it by; each once in a list. */
  name: string;
  /** Where it was taken from, for people: `text.js#count`. */
  from: string;
  /** SHA-256 of the source as it is sent, in hex. */
  id: string;
  /** The keys (`MODULE <hash>`) of what goes along with it, in order. */
  parts: readonly string[];
}

/** What a call is about to run, with hashes that whoever asks has made itself. */
export interface CalledSource {
  text: string;
  parts: readonly Pick<Part, 'kind' | 'id'>[];
}

/** What the pool itself has a worker run, to write a result as JSON: no code of anybody's. */
export const IDENTITY_SOURCE = '(value) => value';

/**
 * Decides what may run where only registered functions do. The text alone is not enough: what goes along is code as well, and
 * the hashes in the text are comments. So the parts have to be the registered ones, in order. A setup is a function of its own,
 * which is asked about when it is to run; that a function needs setups changes its text, and nothing else.
 */
export class NamedFunctions {
  readonly #byId = new Map<string, NamedFunction[]>();
  readonly size: number;
  /** Lists that let the same run have the same. */
  readonly hash: string;

  constructor(list: readonly NamedFunction[]) {
    this.size = list.length;
    this.hash = listHash(list);
    for (const fn of [...list, { name: '', from: '', id: idOf(IDENTITY_SOURCE), parts: [] }])
      this.#byId.set(fn.id, [...(this.#byId.get(fn.id) ?? []), fn]);
  }

  /** Whether a function is registered by this id, whatever goes along with it. */
  has(id: string): boolean {
    return this.#byId.has(id);
  }

  /** @param name for people. @throws PoolError `not-allowed` */
  check({ text, parts }: CalledSource, name: string): void {
    const setups = parts.filter(({ kind }) => kind === 'SETUP');
    const own = parts.slice(0, parts.length - setups.length);
    const plain = withoutSetups(text, setups, own.length > 0);
    const id = idOf(plain ?? text);
    const registered = (plain !== undefined && this.#byId.get(id)) || [];
    const keys = own.map(keyOf);
    if (registered.some((fn) => isSame(fn.parts, keys))) return;
    throw registered.length > 0 ? otherParts(name, id) : notRegistered(name, id);
  }
}

/** Undefined where any function may run. */
export function namedFunctions(list: readonly NamedFunction[] | undefined): NamedFunctions | undefined {
  return list && new NamedFunctions(list);
}

/** By which a worker shows that it lets the same run as its coordinator does; empty where that is anything. */
export function listHash(list: readonly NamedFunction[] | undefined): string {
  if (!list) return '';
  return idOf(JSON.stringify([...new Set(list.map(({ id, parts }) => [id, ...parts].join(' ')))].sort()));
}

export function notRegistered(name: string, id: string): PoolError {
  return new PoolError(
    'not-allowed',
    `this pool runs registered functions only, and \`${name}\` (sha256 ${id}) is none of them: ` +
      'offhand allow FILE#EXPORT, and start the server again',
  );
}

function otherParts(name: string, id: string): PoolError {
  return new PoolError(
    'not-allowed',
    `this pool runs registered functions only, and what came along with \`${name}\` (sha256 ${id}) is not what was ` +
      'registered with it: offhand allow FILE#EXPORT, and start the server again',
  );
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((key, index) => key === other[index]);
}
