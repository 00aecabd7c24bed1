import { PoolError } from '../../core/errors.js';

/** What goes through what a function gives needs of where it runs. */
export interface GeneratorHost {
  /** Sends a value; resolves when it is on its way, and the next may be made. @throws PoolError when it cannot be sent */
  send(value: unknown): Promise<void>;
  /** From now on it is the function's own code that is waited for; or else its reader. */
  waitsForCode(isCode: boolean): void;
}

/** Not what the function threw, but what there is to say against it. */
export class RefusedStream {
  readonly reason: PoolError;

  constructor(reason: PoolError) {
    this.reason = reason;
  }
}

type Steps = Iterator<unknown> | AsyncIterator<unknown>;

const LEFT = Symbol('left');

/**
 * Goes through what a function gives (a generator, or anything else that can be iterated), no further than its reader allows.
 * When the reader has left it is told to return, as by `break` in a loop over it.
 */
export class GeneratorRun {
  #allowed: number;
  #isLeft = false;
  #changed = (): void => undefined;

  /** @param allowed how many values it may make without being told more. */
  constructor(allowed: number) {
    this.#allowed = allowed;
  }

  /** So many values may be made, all in all. */
  allow(allowed: number): void {
    this.#allowed = Math.max(this.#allowed, allowed);
    this.#changed();
  }

  /** Nobody wants any more of it. What it has begun to make is waited for by nobody, unless that is what its return waits for. */
  leave(): void {
    this.#isLeft = true;
    this.#changed();
  }

  /**
   * Resolves when the generator has ended. Rejects with what it threw, or with a {@link RefusedStream}.
   *
   * @param name of the function, for messages.
   */
  async run(made: unknown, name: string, host: GeneratorHost): Promise<void> {
    host.waitsForCode(true);
    const steps = stepsOf(await made, name);
    for (let count = 0; !this.#isLeft; count++) {
      host.waitsForCode(false);
      while (count >= this.#allowed && !this.#isLeft) await this.#change();
      if (this.#isLeft) break;
      host.waitsForCode(true);
      const step = await this.#unlessLeft(async () => steps.next());
      if (step === LEFT) break;
      if (step.done) return;
      // A generator that is not async may yield promises.
      const value: unknown =
        step.value instanceof Promise
          ? await this.#unlessLeft(() => step.value as Promise<unknown>)
          : step.value;
      if (value === LEFT) break;
      host.waitsForCode(false);
      try {
        await host.send(value);
      } catch (error) {
        host.waitsForCode(true);
        await steps.return?.();
        if (!(error instanceof PoolError)) throw error;
        const { code, message, cause } = error;
        throw new RefusedStream(new PoolError(code, message, { cause, mayHaveRun: true }));
      }
    }
    host.waitsForCode(true);
    await steps.return?.();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => (this.#changed = resolve));
  }

  async #unlessLeft<T>(ask: () => Promise<T>): Promise<T | typeof LEFT> {
    return new Promise((resolve, reject) => {
      this.#changed = () => this.#isLeft && resolve(LEFT);
      ask().then(resolve, reject);
    });
  }
}

/** As `for await` looks for them. @throws RefusedStream */
function stepsOf(made: unknown, name: string): Steps {
  if (typeof made === 'object' && made !== null) {
    const given = made as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
    const open = given[Symbol.asyncIterator] ?? given[Symbol.iterator];
    if (typeof open === 'function') return Reflect.apply(open, made, []) as Steps;
  }
  const what = made === null ? 'null' : typeof made === 'object' ? 'an object' : `a ${typeof made}`;
  const message = `\`${name}\` gives ${what}; pool.stream takes a generator function, or one that gives something to iterate`;
  throw new RefusedStream(new PoolError('invalid-argument', message, { mayHaveRun: true }));
}
