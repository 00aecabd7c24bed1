import { Autoscaler, MAX_WORKERS, type ScaleLimits } from '../core/autoscaler.js';
import { messageOf, PoolError } from '../core/errors.js';
import { withResolvers } from '../core/with-resolvers.js';
import type { Logger } from '../host/logger.js';
import type { Coordinator } from './coordinator.js';
import type { Supervisor } from './supervisor.js';

/** How often it is looked whether workers are missing or too many, in ms. */
const LOOK_MS = 250;

export interface MembershipOptions {
  /** How long what a worker runs may take when it is to go, in ms. */
  drainTimeoutMs: number;
  /** Of each worker. */
  slots: number;
  /** Within what the number of workers follows the work; undefined where it stays as it is. */
  scaleLimits: ScaleLimits | undefined;
}

/** Lets workers come and go while the pool runs: when somebody says so, or by what there is to do. */
export class Membership {
  readonly #coordinator: Coordinator;
  readonly #supervisor: Supervisor;
  readonly #options: MembershipOptions;
  readonly #autoscaler: Autoscaler | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #log: Logger;

  constructor(coordinator: Coordinator, supervisor: Supervisor, options: MembershipOptions, log: Logger) {
    this.#coordinator = coordinator;
    this.#supervisor = supervisor;
    this.#options = options;
    this.#log = log;
    this.#coordinator.wanted = supervisor.wanted;
    if (!options.scaleLimits) return;
    const autoscaler = new Autoscaler(options.scaleLimits);
    this.#autoscaler = autoscaler;
    this.#timer = setInterval(() => this.#look(autoscaler), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /**
   * From now on the pool has so many workers of its own; those that have come by themselves are not counted. Resolves when
   * those that were missing have started; those that are too many, the last ones first, go when they have finished.
   *
   * @throws PoolError `invalid-argument`; `unavailable` when one does not start: it is tried again.
   */
  async scale(workers: number): Promise<number> {
    if (!Number.isInteger(workers) || workers < 0 || workers > MAX_WORKERS)
      throw new PoolError(
        'invalid-argument',
        `workers: expected a whole number from 0 to ${MAX_WORKERS}, got ${workers}`,
      );
    const allowed = this.#autoscaler?.clamp(workers) ?? workers;
    await this.#scaleTo(allowed);
    return allowed;
  }

  async #scaleTo(workers: number): Promise<void> {
    for (const name of this.#supervisor.namesFrom(workers)) this.#dismiss(name);
    const started = this.#supervisor.growTo(workers);
    this.#coordinator.wanted = this.#supervisor.wanted;
    await started;
  }

  #look(autoscaler: Autoscaler): void {
    const { wanted } = this.#supervisor;
    const { slots } = this.#options;
    const { members, inUse: leased, now } = this.#coordinator;
    const missing = this.#coordinator.missing();
    const own = members.all.filter(({ info, isAway }) => !info.joined && !isAway);
    const inUse = own.filter(({ id }) => leased.has(id)).length;
    const next = autoscaler.next({ wanted, attached: own.length, inUse, slots, missing }, now);
    if (next === wanted) return;
    this.#log.info({ from: wanted, to: next, missing, inUse }, 'scaling');
    // Tried again by the supervisor, which has said so.
    this.#scaleTo(next).catch((error: unknown) =>
      this.#log.warn({ reason: messageOf(error) }, 'not every worker started'),
    );
  }

  /**
   * One worker finishes what it runs, and leaves for good. Resolves when it is gone.
   *
   * @throws PoolError `not-found`
   */
  async drain(name: string): Promise<void> {
    const link = this.#coordinator.members.called(name);
    const isOurs = this.#dismiss(name);
    this.#coordinator.wanted = this.#supervisor.wanted;
    if (link) {
      if (!isOurs) this.#coordinator.drainWorker(link, this.#options.drainTimeoutMs);
      return this.#when(() => this.#coordinator.members.get(link.id) !== link);
    }
    if (isOurs) return;
    const known = this.#coordinator.members.inOrder.map(({ info }) => info.worker).join(', ') || 'none';
    throw new PoolError('not-found', `no worker is called ${name}; there are: ${known}`);
  }

  /** Resolves when no worker is attached any more. */
  whenEmpty(): Promise<void> {
    return this.#when(() => this.#coordinator.members.all.length === 0);
  }

  /** False when it is none of ours. */
  #dismiss(name: string): boolean {
    if (!this.#supervisor.dismiss(name)) return false;
    const link = this.#coordinator.members.called(name);
    if (link) this.#coordinator.drainWorker(link, this.#options.drainTimeoutMs);
    else this.#supervisor.endCalled(name);
    return true;
  }

  /** Resolves when a worker has gone, and this is true. */
  async #when(isTrue: () => boolean): Promise<void> {
    const { promise, resolve } = withResolvers<void>();
    const look = () => isTrue() && resolve();
    const ignore = this.#coordinator.listen({ gone: look });
    look();
    await promise;
    ignore();
  }
}
