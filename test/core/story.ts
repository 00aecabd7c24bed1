import { placementOf } from '../../src/core/scheduler/policies.js';
import type { PolicyName } from '../../src/core/scheduler/placement.js';
import type { LeaseWish } from '../../src/core/scheduler/account.js';
import { clientId, requestId, workerId } from '../../src/core/ids.js';
import { type LeaseKey, UNUSED_LEASE_TTL_MS } from '../../src/core/scheduler/lease.js';
import {
  type HeldLease,
  Scheduler,
  type SchedulerCommand,
  type SchedulerEvent,
} from '../../src/core/scheduler/scheduler.js';

/** Short words for the events and commands of the scheduler, so that a test reads as a story. */

export type SlotReport = Extract<SchedulerEvent, { type: 'worker-attached' }>['slots'][number];

export const lease = (worker: string, epoch: number, slot = 0): LeaseKey => ({
  worker: workerId(worker),
  slot,
  epoch,
});

/** A slot whose highest epoch is `epoch`, with that lease still alive where `held` is given. */
export const slotAt = (epoch: number, held?: HeldLease): SlotReport => ({ epoch, held });

export const attached = (
  worker: string,
  rank = 0,
  slots: readonly SlotReport[] = [slotAt(0)],
): SchedulerEvent => ({
  type: 'worker-attached',
  worker: workerId(worker),
  rank,
  slots,
});
export const draining = (worker: string): SchedulerEvent => ({
  type: 'worker-draining',
  worker: workerId(worker),
});
export const away = (worker: string): SchedulerEvent => ({ type: 'worker-away', worker: workerId(worker) });
export const lost = (worker: string): SchedulerEvent => ({ type: 'worker-lost', worker: workerId(worker) });
export const requested = (
  request: number,
  client: string,
  wish: Partial<Omit<LeaseWish, 'client'>> = {},
): SchedulerEvent => ({
  type: 'lease-requested',
  request: requestId(request),
  wish: { client: clientId(client), bySession: false, ...wish },
});
export const claimed = (request: number, client: string, key: LeaseKey): SchedulerEvent => ({
  type: 'lease-claimed',
  request: requestId(request),
  wish: { client: clientId(client), bySession: true },
  lease: key,
});
export const regraded = (priority: number, key: LeaseKey): SchedulerEvent => ({
  type: 'lease-regraded',
  lease: key,
  priority,
});
export const withdrawn = (request: number): SchedulerEvent => ({
  type: 'request-withdrawn',
  request: requestId(request),
});
export const inUse = (key: LeaseKey): SchedulerEvent => ({
  type: 'lease-used',
  lease: key,
  inUse: true,
  idleMs: 0,
});
export const idleFor = (idleMs: number, key: LeaseKey): SchedulerEvent => ({
  type: 'lease-used',
  lease: key,
  inUse: false,
  idleMs,
});
export const released = (key: LeaseKey): SchedulerEvent => ({ type: 'lease-released', lease: key });
export const ended = (key: LeaseKey): SchedulerEvent => ({ type: 'lease-ended', lease: key });
export const timePassed: SchedulerEvent = { type: 'time-passed' };

export const grant = (request: number, key: LeaseKey): SchedulerCommand => ({
  type: 'grant-lease',
  request: requestId(request),
  lease: key,
  ttlMs: UNUSED_LEASE_TTL_MS,
});
export const end = (key: LeaseKey, abort = true): SchedulerCommand => ({
  type: 'end-lease',
  lease: key,
  abort,
});
export const expired = (key: LeaseKey): SchedulerCommand => ({
  type: 'end-lease',
  lease: key,
  abort: true,
  isExpired: true,
});

/** A scheduler to which all this has happened at the instant 0. */
export function after(...events: readonly SchedulerEvent[]): Scheduler {
  return afterBy('first-free', ...events);
}

/** The same, with another placement policy. */
export function afterBy(policy: PolicyName, ...events: readonly SchedulerEvent[]): Scheduler {
  const scheduler = new Scheduler(0, placementOf(policy));
  for (const event of events) scheduler.handle(event, 0);
  return scheduler;
}

/** The requests that are served, in order, when the one lease there is ends, and the next, and the next … */
export function servedInTurn(
  scheduler: Scheduler,
  first: LeaseKey,
  durationsMs: readonly number[],
): number[] {
  const served: number[] = [];
  let key = first;
  let now = 0;
  for (const durationMs of durationsMs) {
    now += durationMs;
    for (const command of scheduler.handle(ended(key), now)) {
      if (command.type !== 'grant-lease') continue;
      served.push(command.request);
      key = command.lease;
    }
  }
  return served;
}
