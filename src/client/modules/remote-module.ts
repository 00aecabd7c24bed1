import { PoolError } from '../../core/errors.js';
import type { Part } from '../../wire/functions/parts.js';
import type { Bundle } from './bundle.js';

/** A module as a pool has it: its functions run on workers, `pool.run(image.resize, …)`. */
export type RemoteModule<M> = {
  readonly [K in keyof M as M[K] extends (...args: never[]) => unknown ? K : never]: M[K];
};

/** A module, or one of what it exports. */
export interface Exported {
  part: Part;
  /** Undefined for the module as a whole. */
  member: string | undefined;
}

const known = new WeakMap<object, Exported>();

/** What stands for a module, or a function of one, where it was made by `remoteModule`. */
export function exportedOf(value: unknown): Exported | undefined {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return isObject ? known.get(value) : undefined;
}

/** An object whose members stand for what the module exports. */
export function remoteModule({ part, exports }: Bundle): object {
  const members = new Map<string, object>();
  const memberOf = (name: string | symbol): object | undefined => {
    // A promise that is resolved with it asks for `then`.
    if (typeof name === 'symbol' || (exports ? !exports.includes(name) : name === 'then')) return undefined;
    const member = members.get(name) ?? standIn(part, name);
    members.set(name, member);
    return member;
  };
  const module = new Proxy<object>(Object.create(null) as object, {
    get: (_target, name) => memberOf(name),
    has: (_target, name) => memberOf(name) !== undefined,
    ownKeys: () => [...(exports ?? [])],
    getOwnPropertyDescriptor: (_target, name) => {
      const value = memberOf(name);
      return value && { value, enumerable: true, configurable: true, writable: false };
    },
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
  });
  known.set(module, { part, member: undefined });
  return module;
}

function standIn(part: Part, member: string): object {
  const refusal = () => {
    throw new PoolError(
      'not-shippable',
      `\`${member}\` of ${part.name} runs on the pool: pool.run(module.${member}, …); to call it here, import it`,
    );
  };
  Object.defineProperty(refusal, 'name', { value: member });
  known.set(refusal, { part, member });
  return refusal;
}
