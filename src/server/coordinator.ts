import { assertNever } from '../core/assert-never.js';
import { PoolError } from '../core/errors.js';
import { type ClientId, requestId, type RequestId, type WorkerId } from '../core/ids.js';
import type { LeaseKey } from '../core/lease.js';
import { Scheduler, type SchedulerCommand, type SchedulerEvent } from '../core/scheduler.js';
import type { Attached } from '../wire/generated/offhand/v1/Attached.js';
import type { FindFreeWorkerResponse } from '../wire/generated/offhand/v1/FindFreeWorkerResponse.js';
import type { StatusDocument } from '../wire/generated/offhand/v1/StatusDocument.js';
import type { WorkerMessage__Output } from '../wire/generated/offhand/v1/WorkerMessage.js';
import { readLease, signLease } from '../wire/lease-token.js';
import type { Logger } from '../wire/logger.js';
import type { WorkerLink } from './worker-link.js';

interface Waiter {
  grant(lease: LeaseKey, ttlMs: number): void;
  refuse(reason: PoolError): void;
}

export interface CoordinatorSettings {
  /** Signs the leases; workers check them with it. */
  signingKey: Buffer;
  /** How often workers report at most, in ms. */
  reportIntervalMs: number;
  /** How often workers sample their counters for a profile; 0 for no profile. */
  sampleIntervalMs: number;
}

/**
 * Feeds the scheduler with what happens and carries out what it decides. It sees leases, counters and attachments; never
 * a function or an argument.
 */
export class Coordinator {
  // Above every epoch of an earlier life on this machine, as long as leases are granted no faster than one per µs.
  readonly #scheduler = new Scheduler(Date.now() * 1_000);
  readonly #settings: CoordinatorSettings;
  readonly #log: Logger;
  readonly #links = new Map<WorkerId, WorkerLink>();
  readonly #waiters = new Map<RequestId, Waiter>();
  /** How to take back a request that waits, by the client and its name for it. */
  readonly #namedWaiters = new Map<string, () => void>();
  /** Leases that live, by the client and its name for the request. */
  readonly #namedGrants = new Map<string, LeaseKey>();
  /** Told when a worker is gone, while what it last reported is still known. */
  onDetached: (link: WorkerLink) => void = () => undefined;
  #requests = 0;
  #expiryTimer: NodeJS.Timeout | undefined;
  #isStopping = false;

  constructor(settings: CoordinatorSettings, log: Logger) {
    this.#settings = settings;
    this.#log = log;
  }

  /** The attached workers, in the order of their names. */
  get workers(): WorkerLink[] {
    return [...this.#links.values()].sort((a, b) => a.rank - b.rank);
  }

  isBusy(worker: WorkerId): boolean {
    return this.#scheduler.isBusy(worker);
  }

  /** Waits until a worker is free. @throws PoolError `cancelled` when the signal says so, `unavailable` when the pool stops. */
  findFreeWorker(client: ClientId, name: string, signal: AbortSignal): Promise<FindFreeWorkerResponse> {
    if (this.#isStopping) return Promise.reject(stopping());
    const request = requestId(++this.#requests);
    if (signal.aborted) return Promise.reject(new PoolError('cancelled', 'the caller went away'));
    return new Promise((resolve, reject) => {
      const key = grantKey(client, name);
      const leave = () => {
        this.#waiters.delete(request);
        this.#namedWaiters.delete(key);
        this.#handle({ type: 'request-withdrawn', request });
        reject(new PoolError('cancelled', 'the caller went away'));
      };
      signal.addEventListener('abort', leave, { once: true });
      if (name) this.#namedWaiters.set(key, leave);
      this.#waiters.set(request, {
        grant: (lease, ttlMs) => {
          signal.removeEventListener('abort', leave);
          if (name) this.#namedGrants.set(key, lease);
          this.#namedWaiters.delete(key);
          resolve(this.#describe(lease, ttlMs));
        },
        refuse: reject,
      });
      this.#handle({ type: 'lease-requested', request, client });
    });
  }

  /** Ends a lease, as often as one likes. @throws PoolError `invalid-argument`, `not-found` */
  freeWorker(leaseId: string): void {
    if (!leaseId)
      throw new PoolError('invalid-argument', 'lease_id: expected a lease from FindFreeWorker, got none');
    const lease = readLease(leaseId, this.#settings.signingKey);
    if (!lease) throw new PoolError('not-found', 'lease_id: this pool never granted such a lease');
    this.#handle({ type: 'lease-released', lease });
  }

  /** Takes a request back whose caller has cancelled it: out of the line, or with the lease it was granted. */
  freeRequest(client: ClientId, name: string): void {
    const key = grantKey(client, name);
    const lease = this.#namedGrants.get(key);
    if (lease) this.#handle({ type: 'lease-released', lease });
    else this.#namedWaiters.get(key)?.();
  }

  async status(): Promise<StatusDocument> {
    const workers = await Promise.all(
      this.workers.map(async (link) => ({ ...(await link.state()), busy: this.isBusy(link.id) })),
    );
    return { workers, queue: { pending: this.#scheduler.waiting, tasks: [] } };
  }

  attach(link: WorkerLink): void {
    const { worker, host, port, pid, epochs, leases, slots } = link.info;
    this.#links.get(link.id)?.close();
    this.#links.set(link.id, link);
    const attached: Attached = { worker, ...this.#settings };
    link.send({ attached });
    this.#log.info({ worker, host, port, workerPid: pid }, 'worker attached');
    // One that was being started when the pool was told to stop.
    if (this.#isStopping) link.drain(0);
    this.#handle({
      type: 'worker-attached',
      worker: link.id,
      rank: link.rank,
      slots: Array.from({ length: slots }, (_, slot) => ({
        epoch: epochs[slot] ?? 0,
        held: leases.find((lease) => lease.slot === slot),
      })),
    });
  }

  /** A worker's stream is over; `isClean` when it had said good-bye. */
  detach(link: WorkerLink, isClean: boolean): void {
    if (this.#links.get(link.id) !== link) return;
    this.#links.delete(link.id);
    link.close();
    const { worker, pid } = link.info;
    if (isClean) this.#log.info({ worker, workerPid: pid }, 'worker left');
    else this.#log.warn({ worker, workerPid: pid }, 'worker lost');
    this.#handle({ type: 'worker-lost', worker: link.id });
    this.#forgetGrants((lease) => lease.worker === link.id);
    this.onDetached(link);
  }

  onWorkerMessage(link: WorkerLink, { report, leaseEnded, state }: WorkerMessage__Output): void {
    if (report) {
      link.report = report;
      link.history.add(report, performance.now());
      if (this.#settings.sampleIntervalMs === 0) link.history.forgetBefore(Number.POSITIVE_INFINITY);
      for (const { slot, epoch, inUse, idleMs } of report.leases) {
        this.#handle({ type: 'lease-used', lease: { worker: link.id, slot, epoch }, inUse, idleMs });
      }
    } else if (leaseEnded) {
      this.#forgetGrants((lease) => lease.epoch === leaseEnded.epoch);
      this.#handle({ type: 'lease-ended', lease: { worker: link.id, ...leaseEnded } });
    } else if (state) link.onState(state);
  }

  /** Grants nothing more, and lets every worker finish what it runs. */
  drain(withinMs: number): void {
    this.#isStopping = true;
    for (const waiter of this.#waiters.values()) waiter.refuse(stopping());
    this.#waiters.clear();
    this.#namedWaiters.clear();
    for (const link of this.#links.values()) {
      this.#handle({ type: 'worker-draining', worker: link.id });
      link.drain(withinMs);
    }
  }

  stop(): void {
    clearTimeout(this.#expiryTimer);
    for (const link of this.#links.values()) link.close();
  }

  #forgetGrants(isOver: (lease: LeaseKey) => boolean): void {
    for (const [key, lease] of this.#namedGrants) if (isOver(lease)) this.#namedGrants.delete(key);
  }

  #handle(event: SchedulerEvent): void {
    const now = performance.now();
    for (const command of this.#scheduler.handle(event, now)) this.#perform(command);
    this.#watchExpiry(now);
  }

  #perform(command: SchedulerCommand): void {
    switch (command.type) {
      case 'grant-lease': {
        const waiter = this.#waiters.get(command.request);
        this.#waiters.delete(command.request);
        this.#log.debug({ ...command.lease }, 'lease granted');
        waiter?.grant(command.lease, command.ttlMs);
        break;
      }
      case 'end-lease': {
        const { worker, slot, epoch } = command.lease;
        this.#links.get(worker)?.send({ endLease: { slot, epoch } });
        break;
      }
      default:
        assertNever(command);
    }
  }

  #watchExpiry(now: number): void {
    clearTimeout(this.#expiryTimer);
    const at = this.#scheduler.nextExpiryAt;
    if (at === undefined) return;
    this.#expiryTimer = setTimeout(() => this.#handle({ type: 'time-passed' }), Math.max(0, at - now));
  }

  #describe(lease: LeaseKey, ttlMs: number): FindFreeWorkerResponse {
    const leaseId = signLease({ ...lease, ttlMs }, this.#settings.signingKey);
    const { worker, host, port } = this.#links.get(lease.worker)?.info ?? {};
    return { leaseId, workerId: lease.worker, worker, host, port } as FindFreeWorkerResponse;
  }
}

function grantKey(client: ClientId, name: string): string {
  return `${client} ${name}`;
}

function stopping(): PoolError {
  return new PoolError('unavailable', 'the pool is stopping');
}
