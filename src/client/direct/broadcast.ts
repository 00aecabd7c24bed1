import { PoolError } from '../../core/errors.js';
import type { Credentials } from '../../wire/credentials.js';
import type { CoordinatorLink } from '../coordinator-link.js';
import { DirectExecutor, type ExecutorSettings } from './direct-executor.js';
import type { Call, WorkerOutcome } from '../executor.js';
import type { CallOptions } from '../options.js';
import { type ShippedCall, shipCall } from '../shipping/ship.js';
import { RETRY_CAUSES } from '../../core/retry.js';

/** Calls of one function on every worker: each under a lease, and in a session, on that worker alone. */
export class Broadcasts {
  readonly #coordinator: CoordinatorLink;
  readonly #credentials: Credentials;
  readonly #settings: ExecutorSettings;
  readonly #lanes = new Set<DirectExecutor>();

  constructor(coordinator: CoordinatorLink, credentials: Credentials, settings: ExecutorSettings) {
    this.#coordinator = coordinator;
    this.#credentials = credentials;
    this.#settings = settings;
  }

  /**
   * Resolves when it has ended on each of the workers that are there now and have what the call requires.
   *
   * @throws PoolError when the call cannot be sent, `no-worker-fits` when no worker has what it requires
   */
  async call(call: Call): Promise<WorkerOutcome[]> {
    const { requires = [] } = call.options;
    const shipped = { ...shipCall(call), options: onThatWorker(call.options) };
    const { workers } = await this.#coordinator.status();
    const here = workers.filter(({ phase }) => phase === 'running');
    const outcomes = await Promise.all(here.map(({ worker }) => this.#callOn(worker, requires, shipped)));
    const fitting = outcomes.filter((outcome) => !isUnfit(outcome));
    const [unfit] = outcomes;
    if (unfit?.status === 'rejected' && fitting.length === 0) throw unfit.reason;
    return fitting;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#lanes].map((lane) => lane.close()));
  }

  async #callOn(worker: string, requires: readonly string[], call: ShippedCall): Promise<WorkerOutcome> {
    const needs = { requires: [...requires], waitForFit: false, worker };
    const lane = new DirectExecutor(this.#coordinator, this.#credentials, {
      ...this.#settings,
      onCapacity: undefined,
      needs,
    });
    this.#lanes.add(lane);
    const outcome = await new Promise<WorkerOutcome>((resolve) => {
      lane.startShipped(call, (isOk, value) =>
        resolve(
          isOk ? { worker, status: 'fulfilled', value } : { worker, status: 'rejected', reason: value },
        ),
      );
    });
    await lane.close();
    this.#lanes.delete(lane);
    return outcome;
  }
}

function isUnfit(outcome: WorkerOutcome): boolean {
  return (
    outcome.status === 'rejected' &&
    outcome.reason instanceof PoolError &&
    outcome.reason.code === 'no-worker-fits'
  );
}

/** Another worker is no place for it, so the loss of this one is final. */
function onThatWorker(options: CallOptions): CallOptions {
  const { retries, retryOn = retries === undefined ? [] : RETRY_CAUSES } = options;
  return { ...options, retryOn: retryOn.filter((cause) => cause !== 'worker-lost') };
}
