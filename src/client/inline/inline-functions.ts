import { join } from 'node:path';
import { type AnyFunction, compileFunction } from '../../wire/functions/compile.js';
import { PartCache } from '../../wire/functions/parts.js';
import type { ShippedFunction } from '../../wire/functions/source.js';
import { Captures } from '../shipping/captures.js';
import type { Callee } from '../executor.js';
import { exportedOf } from '../modules/remote-module.js';

/** What runs of a call in this process: the function itself, or, where something goes along with it, what a worker would make of it. */
export class InlineFunctions {
  readonly #compiled = new WeakMap<ShippedFunction, AnyFunction>();
  readonly #base = join(process.cwd(), 'offhand-task.js');
  readonly #parts = new PartCache(this.#base);

  /** @throws PoolError `not-shippable` when what goes along does not compile. */
  functionOf({ fn, captures }: Callee, shipped: ShippedFunction): AnyFunction {
    if (captures === Captures.none && !exportedOf(fn)) return fn as AnyFunction;
    const known = this.#compiled.get(shipped);
    if (known) return known;
    const parts = shipped.parts.map((part) => this.#parts.get(part).value);
    const compiled = compileFunction(shipped.source, this.#base, parts);
    this.#compiled.set(shipped, compiled);
    return compiled;
  }
}
