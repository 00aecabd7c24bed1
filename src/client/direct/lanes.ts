import { PoolError } from '../../core/errors.js';
import { once } from '../../core/once.js';
import { tagSet } from '../../core/tags.js';
import type { Credentials } from '../../wire/credentials.js';
import type { CoordinatorLink } from '../coordinator-link.js';
import { DirectExecutor, type ExecutorSettings } from './direct-executor.js';
import { Broadcasts } from './broadcast.js';
import type { Call, Callee, PoolExecutor, Settle, Started, WorkerOutcome } from '../executor.js';
import type { CallOptions } from '../options.js';
import { References } from '../shipping/references.js';

/** Calls that ask for the same tags go together: under leases, and in a session, of their own. */
export class Lanes implements PoolExecutor {
  readonly references = new References(async (ids) => {
    await Promise.all([this.#plain, ...this.#others.values()].map((lane) => lane.drop(ids)));
  });
  readonly #coordinator: CoordinatorLink;
  readonly #credentials: Credentials;
  readonly #settings: ExecutorSettings;
  readonly #onClose: (() => Promise<void>) | undefined;
  /** Of calls that ask for nothing. */
  readonly #plain: DirectExecutor;
  readonly #others = new Map<string, DirectExecutor>();
  readonly #broadcasts: Broadcasts;
  #isClosed = false;

  /** @param onClose runs when all are closed. */
  constructor(
    coordinator: CoordinatorLink,
    credentials: Credentials,
    settings: ExecutorSettings,
    onClose?: () => Promise<void>,
  ) {
    this.#coordinator = coordinator;
    this.#credentials = credentials;
    this.#settings = settings;
    this.#onClose = onClose;
    this.#plain = new DirectExecutor(coordinator, credentials, settings);
    this.#broadcasts = new Broadcasts(coordinator, credentials, settings);
  }

  appetite(callee: Callee, options: CallOptions): number {
    return this.#laneOf(options).appetite(callee);
  }

  start(call: Call, settle: Settle): Started {
    return this.#laneOf(call.options).start(call, settle);
  }

  broadcast(call: Call): Promise<WorkerOutcome[]> {
    if (this.#isClosed) return Promise.reject(new PoolError('closed', 'this pool is closed'));
    return this.#broadcasts.call(call);
  }

  readonly close = once(async () => {
    this.#isClosed = true;
    await this.references.close();
    const lanes = [this.#plain, this.#broadcasts, ...this.#others.values()];
    await Promise.all(lanes.map((lane) => lane.close()));
    this.#coordinator.close();
    await this.#onClose?.();
  });

  #laneOf({ requires, whenNoneFits = 'refuse' }: CallOptions): DirectExecutor {
    if (!requires || requires.length === 0 || this.#isClosed) return this.#plain;
    const { key, tags } = tagSet(requires, 'requires');
    const name = `${whenNoneFits} ${key}`;
    let lane = this.#others.get(name);
    if (!lane) {
      const needs = { requires: [...tags], waitForFit: whenNoneFits === 'wait' };
      const settings = { ...this.#settings, slots: 0, needs, onNoneFits: () => warnNoneFits(tags) };
      lane = new DirectExecutor(this.#coordinator, this.#credentials, settings);
      this.#others.set(name, lane);
    }
    return lane;
  }
}

function warnNoneFits(tags: readonly string[]): void {
  process.emitWarning(`no worker of the pool has ${tags.join(', ')}; calls that ask for it wait for one`, {
    code: 'OFFHAND_NO_WORKER_FITS',
  });
}
