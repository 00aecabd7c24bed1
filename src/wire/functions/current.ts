import { AsyncLocalStorage } from 'node:async_hooks';
import { PoolError } from '../../core/errors.js';

/**
 * The name under which a function finds its task without importing anything. Nobody's own name: it has the form of those
 * that tools make up for themselves (`__name`, `__dirname`), and this package's name.
 */
export const TASK_GLOBAL = '__offhand';

/** What the code of a task can know and tell of it. */
export interface CurrentTask {
  /** The same in every attempt, in `offhand status` and in logs. */
  readonly taskId: string;
  /** From 1; higher where attempts before this one have failed. */
  readonly attempt: number;
  /** The incarnation of the worker: another one after a restart. `inline` without workers. */
  readonly workerId: string;
  /**
   * Aborted when the call is cancelled, or reaches a limit. Its `reason` is a PoolError that says which. Code that has asked
   * for it has `cancelGraceMs` to end by itself; code that has not is ended at once.
   */
  readonly signal: AbortSignal;
  /**
   * Tells the caller how far the task is, where it asks (`onProgress`).
   *
   * @param fraction from 0 to 1
   * @throws PoolError `invalid-argument`
   */
  progress(fraction: number, note?: string): void;
  /**
   * What `load` returned when it was first called here under this key: a model, a connection. It is kept for as long as the
   * thread lives, one for each slot. A `load` that fails is called again next time.
   */
  once<T>(key: string, load: () => T): T;
}

declare global {
  /** The same as `current` of `offhand/task`, for functions that import nothing. */
  // A variable may be declared twice alike: by two copies of this package in one project.
  var __offhand: CurrentTask;
}

/** How to find the task of the code that asks, also from a copy of this module that another package brought along. */
const FIND = Symbol.for('offhand.current-task');

type Finder = () => CurrentTask | undefined;

function find(what: string): CurrentTask {
  const task = (globalThis as { [FIND]?: Finder })[FIND]?.();
  if (task) return task;
  throw new PoolError(
    'invalid-argument',
    `current.${what}: no task runs here; it is there only in code that a pool runs, from its call on`,
  );
}

/** The task that this code belongs to. Everything on it throws a PoolError, `invalid-argument`, outside of one. */
export const current: CurrentTask = Object.freeze({
  get taskId() {
    return find('taskId').taskId;
  },
  get attempt() {
    return find('attempt').attempt;
  },
  get workerId() {
    return find('workerId').workerId;
  },
  get signal() {
    return find('signal').signal;
  },
  progress: (fraction: number, note?: string) => find('progress').progress(fraction, note),
  once: <T>(key: string, load: () => T): T => find('once').once(key, load),
});

/** Which task code belongs to, also later: what it starts, and what that starts. */
export class TaskScopes<T extends CurrentTask> {
  readonly #scopes = new AsyncLocalStorage<T>();

  /** Makes them known to {@link current}, and to functions without imports. */
  provide(): void {
    define(FIND, () => this.#scopes.getStore());
    define(TASK_GLOBAL, current);
  }

  get current(): T | undefined {
    return this.#scopes.getStore();
  }

  run<A extends unknown[], R>(scope: T, fn: (...args: A) => R, args: A): R {
    return this.#scopes.run(scope, fn, ...args);
  }
}

function define(key: string | symbol, value: unknown): void {
  Object.defineProperty(globalThis, key, { value, configurable: true });
}

/** What {@link CurrentTask.once} keeps. */
export class KeptValues {
  readonly #values = new Map<string, unknown>();

  once<T>(key: string, load: () => T): T {
    if (this.#values.has(key)) return this.#values.get(key) as T;
    const value = load();
    this.#values.set(key, value);
    if (value instanceof Promise)
      value.catch(() => {
        if (this.#values.get(key) === value) this.#values.delete(key);
      });
    return value;
  }
}

/** @throws PoolError `invalid-argument` */
export function checkProgress(fraction: unknown, note: unknown): void {
  if (typeof fraction !== 'number' || !(fraction >= 0 && fraction <= 1))
    throw new PoolError(
      'invalid-argument',
      `progress: expected a fraction from 0 to 1, got ${String(fraction)}`,
    );
  if (note !== undefined && typeof note !== 'string')
    throw new PoolError('invalid-argument', `progress: expected a note in words, got ${typeof note}`);
}
