import type { LeaseWish } from '../core/scheduler/account.js';
import { assertNever } from '../core/assert-never.js';
import { type ClientId, requestId, type RequestId, type WorkerId } from '../core/ids.js';
import type { LeaseKey } from '../core/scheduler/lease.js';
import type { WorkerNames } from '../core/worker-names.js';
import { LivedClock } from '../core/lived-clock.js';
import { NO_TAGS, type TagSet } from '../core/tags.js';
import type { PolicyName } from '../core/scheduler/placement.js';
import type { Scheduler, SchedulerCommand, SchedulerEvent } from '../core/scheduler/scheduler.js';
import type { WorkerMessage__Output } from '../wire/generated/offhand/v1/WorkerMessage.js';
import { readLease, signLease } from '../wire/lease-token.js';
import type { Logger } from '../host/logger.js';
import { checkRoom, noneFits, stopping } from './admission.js';
import { type Claim, Claims } from './claims.js';
import type { CoordinatorEvents } from './coordinator-events.js';
import { type EventLog, schedulerOf } from './event-log.js';
import type { Holder } from './holder.js';
import { Members } from './members.js';
import type { WorkerLink } from './worker-link.js';

export interface CoordinatorSettings {
  /** Signs the leases; workers check them with it. */
  signingKey: Buffer;
  /** How often workers report at most, in ms. */
  reportIntervalMs: number;
  /** How often workers sample their counters for a profile; 0 for no profile. */
  sampleIntervalMs: number;
  /** How often coordinator and workers tell each other that they live, in ms. */
  heartbeatIntervalMs: number;
  /** After how long a silence a worker counts as lost, in ms. */
  workerTimeoutMs: number;
  /** How a worker is chosen. */
  policy: PolicyName;
  /** Where the scheduler's events are written down, if they are. */
  eventLog: EventLog | undefined;
  /** Whether one of the workers that this server starts has these tags, attached or not. */
  hasOwn: (needs: TagSet) => boolean;
}

/** How often the clock is looked at, and with it who has fallen silent, in ms. */
const TICK_MS = 250;

/**
 * Feeds the scheduler with what happens and carries out what it decides. It sees leases, counters and attachments; never
 * a function or an argument.
 */
export class Coordinator {
  readonly #scheduler: Scheduler;
  readonly #settings: CoordinatorSettings;
  readonly #log: Logger;
  readonly members: Members;
  readonly #waiting = new Map<RequestId, Holder>();
  /** Holders of leases that live, by epoch. */
  readonly #holding = new Map<number, { lease: LeaseKey; holder: Holder }>();
  readonly #clock = new LivedClock(() => performance.now());
  readonly #claims = new Claims();
  /** How many more leases clients have a use for than they wait for. */
  countUnasked: (except?: ClientId) => number = () => 0;
  readonly #listeners = new Set<Partial<CoordinatorEvents>>();
  readonly #tick: NodeJS.Timeout;
  #heartbeatAt = 0;
  /** How many workers of its own the pool is to have. */
  wanted = 0;
  #requests = 0;
  #timer: NodeJS.Timeout | undefined;
  #isStopping = false;

  constructor(settings: CoordinatorSettings, names: WorkerNames, log: Logger) {
    this.#settings = settings;
    this.members = new Members(names);
    this.#log = log;
    // Above every epoch of an earlier life on this machine, as long as leases are granted no faster than one per µs.
    this.#scheduler = schedulerOf({ epoch: Date.now() * 1_000, policy: settings.policy }, settings.eventLog);
    this.#tick = setInterval(() => this.#watch(), TICK_MS);
  }

  /** @returns stops listening. */
  listen(listener: Partial<CoordinatorEvents>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** On a clock that stands still while this process does, in ms. */
  get now(): number {
    return this.#clock.now();
  }

  /** Workers that somebody has a lease on. */
  get inUse(): Set<WorkerId> {
    return new Set([...this.#holding.values()].map(({ lease }) => lease.worker));
  }

  /** How workers are chosen. */
  get policy(): PolicyName {
    return this.#scheduler.policy;
  }

  /** From now on; what runs goes on. */
  set policy(policy: PolicyName) {
    if (policy === this.policy) return;
    this.#log.info({ policy, before: this.policy }, 'policy');
    this.#handle({ type: 'policy-set', policy });
  }

  /** Leases that live. */
  get leases(): number {
    return this.#holding.size;
  }

  /** Requests for leases that wait. */
  get waiting(): number {
    return this.#scheduler.waiting;
  }

  /** Leases that clients have a use for and do not have; one client may be left out. */
  missing(except?: ClientId): number {
    const others = this.#scheduler.waiting - (except === undefined ? 0 : this.#scheduler.waitingOf(except));
    return others + this.countUnasked(except);
  }

  isBusy(worker: WorkerId): boolean {
    return this.#scheduler.isBusy(worker);
  }

  /** Whether a client other than this one waits. */
  othersWait(client: ClientId): boolean {
    return this.#scheduler.othersWait(client);
  }

  /** Slots of the attached workers that have these tags. */
  slotsFor(needs: TagSet): number {
    return needs.key === '' ? this.members.slots : this.members.slotsFor(needs);
  }

  /** Whether there is a worker with these tags, or could be. */
  hasFit(needs: TagSet = NO_TAGS): boolean {
    return needs.key === '' || this.#settings.hasOwn(needs) || this.members.hasFit(needs);
  }

  /**
   * Puts a holder in line.
   *
   * @throws PoolError `unavailable` when the pool stops, `queue-full`, `no-worker-fits` unless it is to wait for one
   */
  requestLease(wish: LeaseWish, holder: Holder, { waitForFit }: { waitForFit: boolean }): RequestId {
    if (this.#isStopping) throw stopping();
    if (!waitForFit && !this.hasFit(wish.needs)) throw noneFits(wish.needs);
    if (!wish.bySession) checkRoom(this.#scheduler, wish.client);
    const request = requestId(++this.#requests);
    this.#waiting.set(request, holder);
    this.#say('asked', wish.client);
    this.#handle({ type: 'lease-requested', request, wish });
    return request;
  }

  /** Grants a lease again that its holder has from before. The holder is told `over` where it is no longer to be had. */
  claim(lease: LeaseKey, wish: LeaseWish, holder: Holder): void {
    const request = requestId(++this.#requests);
    this.#waiting.set(request, holder);
    const claim = { request, wish, lease };
    if (this.members.get(lease.worker)) this.#settleClaim(claim);
    else this.#claims.add(claim, this.now);
  }

  /** A session uses its lease for tasks of another priority, or for one that takes so long. */
  regrade(lease: LeaseKey, priority: number, expectedMs: number | undefined): void {
    this.#handle({ type: 'lease-regraded', lease, priority, expectedMs });
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

  /** How long what runs under a lease takes in all, in ms, where that is known. */
  expectedMs(epoch: number): number | undefined {
    const lease = this.#holding.get(epoch)?.lease;
    return lease && this.#scheduler.granted(lease)?.use?.expectedMs;
  }

  attach(link: WorkerLink): void {
    const { worker, host, port, pid, epochs, leases, slots, joined } = link.info;
    const wasLost = this.members.add(link);
    link.heardAt = this.now;
    const overUpTo = wasLost ? this.#scheduler.newestEpoch : 0;
    const { signingKey, reportIntervalMs, sampleIntervalMs, heartbeatIntervalMs, workerTimeoutMs } =
      this.#settings;
    const intervals = { reportIntervalMs, sampleIntervalMs, heartbeatIntervalMs, workerTimeoutMs };
    link.send({ attached: { worker, signingKey, ...intervals, overUpTo } });
    this.#log.info({ worker, host, port, workerPid: pid, joined }, 'worker attached');
    // One that was being started when the pool was told to stop.
    if (this.#isStopping) link.drain(0);
    this.#handle({
      type: 'worker-attached',
      worker: link.id,
      rank: link.rank,
      tags: link.tags,
      slots: Array.from({ length: slots }, (_, slot) => ({
        epoch: epochs[slot] ?? 0,
        held: leases.find((lease) => lease.slot === slot),
      })),
    });
    if (wasLost) {
      for (const { slot, epoch } of leases)
        this.release({ worker: link.id, slot, epoch }, { letFinish: false });
    }
    for (const claim of this.#claims.takeOf(link.id)) this.#settleClaim(claim);
    this.#say('attached', link);
    this.#say('capacity');
  }

  /** A worker's stream is over; `isClean` when it had said good-bye. Else it may dial again. */
  detach(link: WorkerLink, isClean: boolean): void {
    if (this.members.get(link.id) !== link || link.isAway) return;
    if (isClean) {
      this.#part(link);
      return;
    }
    link.isAway = true;
    link.close();
    this.#log.warn({ worker: link.info.worker, workerPid: link.info.pid }, 'attachment broken');
    this.#handle({ type: 'worker-away', worker: link.id });
    this.#say('capacity');
  }

  /** A worker has ended, or is taken for ended, without a good-bye. */
  lose(link: WorkerLink): void {
    const { worker, pid } = link.info;
    const silentMs = Math.round(this.now - link.heardAt);
    this.#log.warn({ worker, workerPid: pid, silentMs }, 'worker lost');
    this.members.noteLoss(link);
    this.#say('silent', link);
    this.#forget(link);
  }

  /** Grants nothing more of one worker, and lets it finish what it runs. */
  drainWorker(link: WorkerLink, withinMs: number): void {
    this.#log.info({ worker: link.info.worker, workerPid: link.info.pid }, 'draining');
    this.#handle({ type: 'worker-draining', worker: link.id });
    link.drain(withinMs);
  }

  onWorkerMessage(
    link: WorkerLink,
    { report, leaseEnding, leaseEnded, state, draining }: WorkerMessage__Output,
  ): void {
    link.heardAt = this.now;
    if (report) {
      link.report = report;
      link.history.add(report, performance.now());
      if (this.#settings.sampleIntervalMs === 0) link.history.forgetBefore(Number.POSITIVE_INFINITY);
      for (const { slot, epoch, inUse, idleMs } of report.leases) {
        this.#handle({ type: 'lease-used', lease: { worker: link.id, slot, epoch }, inUse, idleMs });
      }
    } else if (leaseEnding) this.release({ worker: link.id, ...leaseEnding }, { letFinish: true });
    else if (leaseEnded) {
      const lease = { worker: link.id, ...leaseEnded };
      this.#over(lease);
      this.#handle({ type: 'lease-ended', lease });
    } else if (state) link.onState(state);
    else if (draining) this.#retire(link);
  }

  /** Grants nothing more, and lets every worker finish what it runs. */
  drain(withinMs: number): void {
    this.#isStopping = true;
    for (const holder of this.#waiting.values()) holder.refused(stopping());
    this.#waiting.clear();
    for (const link of this.members.all) this.drainWorker(link, withinMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#tick);
    for (const link of this.members.all) link.close();
  }

  #watch(): void {
    const { now } = this;
    for (const link of this.members.silentFor(this.#settings.workerTimeoutMs, now)) this.lose(link);
    for (const claim of this.#claims.takeOverdue(now)) this.#settleClaim(claim);
    if (now - this.#heartbeatAt < this.#settings.heartbeatIntervalMs) return;
    this.#heartbeatAt = now;
    for (const link of this.members.all) link.send({ heartbeat: {} });
  }

  #part(link: WorkerLink): void {
    this.#log.info({ worker: link.info.worker, workerPid: link.info.pid }, 'worker left');
    this.#forget(link);
  }

  #forget(link: WorkerLink): void {
    this.members.remove(link);
    this.#handle({ type: 'worker-lost', worker: link.id });
    for (const { lease, holder } of [...this.#holding.values()]) {
      if (lease.worker !== link.id) continue;
      this.#holding.delete(lease.epoch);
      holder.lost(lease);
    }
    this.#say('gone', link);
    this.#say('capacity');
  }

  /** A worker takes nothing more: whoever holds one of its leases needs another. */
  #retire(link: WorkerLink): void {
    link.isDraining = true;
    this.#handle({ type: 'worker-draining', worker: link.id });
    for (const { lease } of [...this.#holding.values()])
      if (lease.worker === link.id) this.release(lease, { letFinish: true });
  }

  #over(lease: LeaseKey): void {
    const holder = this.#holding.get(lease.epoch)?.holder;
    this.#holding.delete(lease.epoch);
    holder?.over(lease);
  }

  #settleClaim({ request, wish, lease }: Claim): void {
    this.#handle({ type: 'lease-claimed', request, wish, lease });
    const holder = this.#waiting.get(request);
    this.#waiting.delete(request);
    holder?.over(lease);
  }

  #handle(event: SchedulerEvent): void {
    const { now } = this;
    for (const command of this.#scheduler.handle(event, now)) this.#perform(command);
    this.#watchTime(now);
    if (this.#scheduler.waiting > 0) this.#say('contention', now);
  }

  #perform(command: SchedulerCommand): void {
    switch (command.type) {
      case 'grant-lease':
        this.#grant(command);
        break;
      case 'end-lease': {
        const { worker, slot, epoch } = command.lease;
        const name = this.members.nameById(worker);
        if (command.isExpired) this.#log.info({ worker: name, slot, epoch }, 'lease expired');
        this.members.get(worker)?.send({ endLease: { slot, epoch, abort: command.abort } });
        this.#holding.get(epoch)?.holder.ending(command.lease);
        break;
      }
      default:
        assertNever(command);
    }
  }

  #grant({ request, lease, ttlMs }: Extract<SchedulerCommand, { type: 'grant-lease' }>): void {
    const holder = this.#waiting.get(request);
    const worker = this.members.get(lease.worker);
    this.#waiting.delete(request);
    if (!holder || !worker) return;
    const reason = this.#scheduler.granted(lease)?.reason;
    this.#log.debug({ ...lease, reason }, 'lease granted');
    this.#holding.set(lease.epoch, { lease, holder });
    const token = signLease({ ...lease, ttlMs }, this.#settings.signingKey);
    holder.granted({ key: lease, token, worker, reason });
  }

  #say<K extends keyof CoordinatorEvents>(what: K, ...about: Parameters<CoordinatorEvents[K]>): void {
    for (const listener of this.#listeners)
      (listener[what] as ((...about: unknown[]) => void) | undefined)?.(...about);
  }

  #watchTime(now: number): void {
    clearTimeout(this.#timer);
    const at = this.#scheduler.nextTimeAt;
    if (at === undefined) return;
    this.#timer = setTimeout(() => this.#handle({ type: 'time-passed' }), Math.max(0, at - now));
  }
}
