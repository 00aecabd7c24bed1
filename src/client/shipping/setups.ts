import type { Part } from '../../wire/functions/parts.js';
import { joinSetups, setupPart } from '../../wire/functions/setup.js';
import type { ShippedFunction } from '../../wire/functions/source.js';
import { encodePayload } from '../../wire/values/payload.js';
import type { Callee } from '../executor.js';
import type { AddedSetup, ShippedCall } from './ship.js';

/**
 * The setups of a pool: those of the pool that it was made from, and its own. They are part of what each of its functions
 * needs, so whatever thread comes to run one of these has them, or is sent them.
 */
export class Setups {
  readonly #from: Setups | undefined;
  readonly #own: Part[] = [];
  readonly #added: AddedSetup[] = [];
  /** How many there were when these were made; and the functions as they were made then. */
  #known = { count: 0, byFunction: new WeakMap<ShippedFunction, ShippedFunction>() };

  /** @param from of the pool that this one is made from. */
  constructor(from?: Setups) {
    this.#from = from;
  }

  /** Adds one, to run as this call would; does nothing where it is there already. @throws PoolError `too-large` */
  add(callee: Callee, { fn, args, name, options: { timeoutMs } }: ShippedCall): void {
    const { source, parts } = fn;
    const { data } = 'data' in args ? args : encodePayload(args, 'V8', 'arguments');
    const part = setupPart({ source, parts, args: data, name, timeoutMs });
    if (this.#all.some(({ id }) => id === part.id)) return;
    this.#own.push(part);
    this.#added.push({ id: part.id, callee, fn });
  }

  /** The function as it is sent: one that needs the setups that there are by now, the oldest first. */
  neededBy(fn: ShippedFunction): ShippedFunction {
    if (this.#own.length === 0) return this.#from?.neededBy(fn) ?? fn;
    const setups = this.#all;
    if (setups.length !== this.#known.count)
      this.#known = { count: setups.length, byFunction: new WeakMap() };
    const { byFunction } = this.#known;
    const known = byFunction.get(fn);
    if (known) return known;
    const joined = joinSetups(fn, setups);
    byFunction.set(fn, joined);
    return joined;
  }

  /** As they are written here. */
  get added(): readonly AddedSetup[] {
    return this.#from ? [...this.#from.added, ...this.#added] : this.#added;
  }

  get #all(): readonly Part[] {
    return this.#from ? [...this.#from.#all, ...this.#own] : this.#own;
  }
}
