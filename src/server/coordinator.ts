import type { LeaseWish } from '../core/account.js';
import { assertNever } from '../core/assert-never.js';
import { PoolError } from '../core/errors.js';
import { type ClientId, requestId, type RequestId, type WorkerId } from '../core/ids.js';
import type { LeaseKey } from '../core/lease.js';
import { Scheduler, type SchedulerCommand, type SchedulerEvent } from '../core/scheduler.js';
import type { Attached } from '../wire/generated/offhand/v1/Attached.js';
import type { StatusDocument } from '../wire/generated/offhand/v1/StatusDocument.js';
import type { WorkerMessage__Output } from '../wire/generated/offhand/v1/WorkerMessage.js';
import { readLease, signLease } from '../wire/lease-token.js';
import type { Logger } from '../host/logger.js';
import type { WorkerLink } from './worker-link.js';

/** Whoever asks for a lease, and is told what becomes of it. */
export interface Holder {
  granted(lease: GrantedLease): void;
  /** There will be no lease: the pool stops. */
  refused(reason: PoolError): void;
  /** Nothing more begins under the lease; what runs may still. */
  ending(lease: LeaseKey): void;
  /** Nothing runs under it any more. */
  over(lease: LeaseKey): void;
}

export interface GrantedLease {
  readonly key: LeaseKey;
  /** Signed, for the worker. */
  readonly token: string;
  readonly worker: WorkerLink;
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
  readonly #waiting = new Map<RequestId, Holder>();
  /** Holders of leases that live, by epoch. */
  readonly #holding = new Map<number, { lease: LeaseKey; holder: Holder }>();
  /** Told when a worker is gone, while what it last reported is still known. */
  onDetached: (link: WorkerLink) => void = () => undefined;
  /** Told when the number of slots has changed. */
  onCapacity: () => void = () => undefined;
  /** Told when somebody waits after something happened. */
  onContention: (now: number) => void = () => undefined;
  #requests = 0;
  #timer: NodeJS.Timeout | undefined;
  #isStopping = false;

  constructor(settings: CoordinatorSettings, log: Logger) {
    this.#settings = settings;
    this.#log = log;
  }

  /** The attached workers, in the order of their names. */
  get workers(): WorkerLink[] {
    return [...this.#links.values()].sort((a, b) => a.rank - b.rank);
  }

  /** Slots of all attached workers. */
  get slots(): number {
    let slots = 0;
    for (const link of this.#links.values()) slots += link.info.slots;
    return slots;
  }

  isBusy(worker: WorkerId): boolean {
    return this.#scheduler.isBusy(worker);
  }

  /** Whether a client other than this one waits. */
  othersWait(client: ClientId): boolean {
    return this.#scheduler.othersWait(client);
  }

  /** Puts a holder in line. @throws PoolError `unavailable` when the pool stops. */
  requestLease(wish: LeaseWish, holder: Holder): RequestId {
    if (this.#isStopping) throw stopping();
    const request = requestId(++this.#requests);
    this.#waiting.set(request, holder);
    this.#handle({ type: 'lease-requested', request, wish });
    return request;
  }

  withdraw(request: RequestId): void {
    if (this.#waiting.delete(request)) this.#handle({ type: 'request-withdrawn', request });
  }

  /** Ends a lease, as often as one likes; code that still runs is stopped, or let finish. */
  release(lease: LeaseKey, { letFinish }: { letFinish: boolean }): void {
    this.#handle({ type: 'lease-released', lease, letFinish });
  }

  /** The lease that a token stands for; undefined when this pool never signed it. */
  read(token: string): LeaseKey | undefined {
    return readLease(token, this.#settings.signingKey);
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
    this.onCapacity();
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
    for (const { lease } of [...this.#holding.values()]) if (lease.worker === link.id) this.#over(lease);
    this.onDetached(link);
    this.onCapacity();
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
      const lease = { worker: link.id, ...leaseEnded };
      this.#over(lease);
      this.#handle({ type: 'lease-ended', lease });
    } else if (state) link.onState(state);
  }

  /** Grants nothing more, and lets every worker finish what it runs. */
  drain(withinMs: number): void {
    this.#isStopping = true;
    for (const holder of this.#waiting.values()) holder.refused(stopping());
    this.#waiting.clear();
    for (const link of this.#links.values()) {
      this.#handle({ type: 'worker-draining', worker: link.id });
      link.drain(withinMs);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    for (const link of this.#links.values()) link.close();
  }

  #over(lease: LeaseKey): void {
    const holder = this.#holding.get(lease.epoch)?.holder;
    this.#holding.delete(lease.epoch);
    holder?.over(lease);
  }

  #handle(event: SchedulerEvent): void {
    const now = performance.now();
    for (const command of this.#scheduler.handle(event, now)) this.#perform(command);
    this.#watchTime(now);
    if (this.#scheduler.waiting > 0) this.onContention(now);
  }

  #perform(command: SchedulerCommand): void {
    switch (command.type) {
      case 'grant-lease':
        this.#grant(command);
        break;
      case 'end-lease': {
        const { worker, slot, epoch } = command.lease;
        this.#links.get(worker)?.send({ endLease: { slot, epoch, abort: command.abort } });
        this.#holding.get(epoch)?.holder.ending(command.lease);
        break;
      }
      default:
        assertNever(command);
    }
  }

  #grant({ request, lease, ttlMs }: Extract<SchedulerCommand, { type: 'grant-lease' }>): void {
    const holder = this.#waiting.get(request);
    const worker = this.#links.get(lease.worker);
    this.#waiting.delete(request);
    if (!holder || !worker) return;
    this.#log.debug({ ...lease }, 'lease granted');
    this.#holding.set(lease.epoch, { lease, holder });
    holder.granted({ key: lease, token: signLease({ ...lease, ttlMs }, this.#settings.signingKey), worker });
  }

  #watchTime(now: number): void {
    clearTimeout(this.#timer);
    const at = this.#scheduler.nextTimeAt;
    if (at === undefined) return;
    this.#timer = setTimeout(() => this.#handle({ type: 'time-passed' }), Math.max(0, at - now));
  }
}

function stopping(): PoolError {
  return new PoolError('unavailable', 'the pool is stopping');
}
