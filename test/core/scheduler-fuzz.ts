import fc from 'fast-check';
import { placementOf } from '../../src/core/scheduler/policies.js';
import { POLICIES, type PolicyName } from '../../src/core/scheduler/placement.js';
import type { Recorded } from '../../src/core/scheduler/replay.js';
import { requestId, workerId } from '../../src/core/ids.js';
import type { LeaseKey } from '../../src/core/scheduler/lease.js';
import { Scheduler, type SchedulerCommand, type SchedulerEvent } from '../../src/core/scheduler/scheduler.js';
import { type ModelSlot, ReferenceModel } from './reference-model.js';
import {
  attached,
  away,
  draining,
  ended,
  inUse,
  idleFor,
  lost,
  released,
  requested,
  slotAt,
  type SlotReport,
  timePassed,
  withdrawn,
} from './story.js';

/** Random stories for the scheduler, told to it and to the reference model side by side. */

const WORKERS = 4;

/** What a worker says of one slot: whether it knows of the newest lease there, and what has become of that. */
const slotNews = fc.record({
  epoch: fc.nat(100),
  hasSeenNewest: fc.boolean(),
  held: fc.option(fc.record({ inUse: fc.boolean(), idleMs: fc.nat(6_000) }), { nil: undefined }),
});
type SlotNews = typeof slotNews extends fc.Arbitrary<infer T> ? T : never;

const pick = fc.nat(10_000);
const news = fc.array(slotNews, { minLength: 1, maxLength: 3 });
const always = <T extends string>(kind: T): fc.Arbitrary<T> => fc.constant(kind);
const action = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: always('request'),
      client: fc.nat(3),
      count: fc.integer({ min: 1, max: 3 }),
      priority: fc.constantFrom(0, 0, 0, 1, 3, -2),
      expectedMs: fc.option(fc.integer({ min: 1, max: 500 }), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: always('withdraw'), pick }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: always('use'), pick, isInUse: fc.boolean(), idleMs: fc.nat(6_000) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: always('release'), pick }) },
  { weight: 8, arbitrary: fc.record({ kind: always('end'), pick }) },
  { weight: 2, arbitrary: fc.record({ kind: always('stale'), pick, event: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ kind: always('attach'), worker: fc.nat(WORKERS - 1), news }) },
  { weight: 1, arbitrary: fc.record({ kind: always('drain'), worker: fc.nat(WORKERS - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: always('miss'), worker: fc.nat(WORKERS - 1) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: always('lose'), worker: fc.nat(WORKERS - 1), isReborn: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: always('wait') }) },
);
const change = fc.record({ kind: always('policy'), policy: fc.constantFrom(...POLICIES) });
type Action =
  | (typeof action extends fc.Arbitrary<infer T> ? T : never)
  | (typeof change extends fc.Arbitrary<infer T> ? T : never);

export interface Step {
  action: Action;
  afterMs: number;
}

const afterMs = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 60 }) },
  { weight: 1, arbitrary: fc.integer({ min: 61, max: 3_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 3_000, max: 90_000 }) },
);

const opening: Step[] = [0, 1].map((worker) => ({
  action: { kind: 'attach', worker, news: [{ epoch: 0, hasSeenNewest: true, held: undefined }] },
  afterMs: 0,
}));

export const story: fc.Arbitrary<Step[]> = fc
  .array(fc.record({ action, afterMs }), { minLength: 10, maxLength: 80, size: 'max' })
  .map((steps) => [...opening, ...steps]);

/** The same, in which the policy changes now and then. */
export const changingStory: fc.Arbitrary<Step[]> = fc
  .array(
    fc.record({
      action: fc.oneof({ weight: 9, arbitrary: action }, { weight: 1, arbitrary: change }),
      afterMs,
    }),
    { minLength: 10, maxLength: 80, size: 'max' },
  )
  .map((steps) => [...opening, ...steps]);

/** An event, what the scheduler commanded, and what the reference model thinks of it. */
export interface Moment {
  event: SchedulerEvent;
  now: number;
  /** Leases that the scheduler ended, and those that were to end, in any order. */
  ended: LeaseKey[];
  ends: LeaseKey[];
  grants: Grant[];
  waiting: number;
  modelWaiting: number;
  hasFreeSlot: boolean;
  nextTimeAt: number | undefined;
  modelNextTimeAt: number | undefined;
}

export interface Grant {
  command: Extract<SchedulerCommand, { type: 'grant-lease' }>;
  /** The key of the first free slot, had it been granted. */
  expectedLease: LeaseKey | undefined;
  /** The key that the granted slot was to have; undefined where that is not free. */
  chosenLease: LeaseKey | undefined;
  /** The requests that might fairly be next. */
  candidates: number[];
  /** All requests of the clients whose turn it might be, at the priority whose turn it is. */
  sameTurn: number[];
}

export class Telling {
  readonly moments: Moment[] = [];
  readonly record: Recorded[] = [];
  readonly model = new ReferenceModel();
  readonly #scheduler: Scheduler;
  readonly #everGranted: LeaseKey[] = [];
  /** Which life each worker is in: one that was lost comes back as another, or else with what it had (`#atLoss`). */
  readonly #lives = Array.from({ length: WORKERS }, () => 0);
  readonly #atLoss = new Map<string, readonly ModelSlot[]>();
  #now = 0;
  #requests = 0;

  constructor(steps: readonly Step[], policy: PolicyName = 'first-free') {
    this.#scheduler = new Scheduler(0, placementOf(policy));
    for (const step of steps) {
      this.#now += step.afterMs;
      for (const event of this.#eventsOf(step.action)) this.#tell(event);
    }
  }

  /** Nobody asks or uses anything any more, and time goes by. */
  fallSilent(): void {
    for (const { request } of this.model.waiting) this.#tell(withdrawn(request));
    for (const slot of this.#held('leased')) this.#tell(idleFor(0, keyOf(slot)));
    this.#now += 5_000;
    this.#tell(timePassed);
  }

  isBusyAsModelled(): boolean {
    const ids = this.model.slots.map((slot) => slot.worker);
    return ids.every((id) => this.#scheduler.isBusy(id) === this.model.isBusy(id));
  }

  #held(...states: ModelSlot['state'][]): ModelSlot[] {
    return this.model.slots.filter((slot) => states.includes(slot.state));
  }

  #eventsOf(action: Action): SchedulerEvent[] {
    switch (action.kind) {
      case 'request':
        return Array.from({ length: action.count }, () =>
          requested(this.#requests++, `client-${action.client}`, {
            priority: action.priority,
            expectedMs: action.expectedMs,
          }),
        );
      case 'withdraw':
        return [withdrawn(requestId(action.pick % (this.#requests + 1)))];
      case 'use':
        return this.#pick(action.pick, 'leased').map((key) =>
          action.isInUse ? inUse(key) : idleFor(action.idleMs, key),
        );
      case 'release':
        return this.#pick(action.pick, 'leased').map(released);
      case 'end':
        return this.#pick(action.pick, 'leased', 'ending').map(ended);
      case 'stale': {
        const key = this.#everGranted[action.pick % this.#everGranted.length];
        const events = [released, ended, inUse, (stale: LeaseKey) => idleFor(6_000, stale)];
        return key ? [events[action.event]!(key)] : [];
      }
      case 'attach':
        return [
          attached(this.#name(action.worker), action.worker, this.#reports(action.worker, action.news)),
        ];
      case 'drain':
        return [draining(this.#name(action.worker))];
      case 'miss':
        return [away(this.#name(action.worker))];
      case 'lose': {
        const name = this.#name(action.worker);
        if (action.isReborn) this.#lives[action.worker]! += 1;
        else this.#atLoss.set(name, structuredClone(this.#known(name)));
        return [lost(name)];
      }
      case 'wait':
        return [timePassed];
      case 'policy':
        return [{ type: 'policy-set', policy: action.policy }];
    }
  }

  #name(worker: number): string {
    return `worker-${worker}.${this.#lives[worker]}`;
  }

  /** The slots of a worker, or those it had when it was lost. */
  #known(name: string): readonly ModelSlot[] {
    const slots = this.model.slots.filter((slot) => slot.worker === workerId(name));
    return slots.length > 0 ? slots : (this.#atLoss.get(name) ?? []);
  }

  #pick(index: number, ...states: ModelSlot['state'][]): LeaseKey[] {
    const slots = this.#held(...states);
    const slot = slots[index % slots.length];
    return slot ? [keyOf(slot)] : [];
  }

  /** A worker tells the truth: it never holds a lease that it said had ended, nor one that was never granted. */
  #reports(worker: number, news: readonly SlotNews[]): SlotReport[] {
    const known = this.#known(this.#name(worker));
    if (known.length === 0)
      return news.map((each) => slotAt(each.epoch, each.epoch > 0 ? each.held : undefined));
    return known.map((slot, index) => {
      const each = news[index % news.length]!;
      if (!each.hasSeenNewest) return slotAt(Math.max(0, slot.epoch - 1));
      return slotAt(slot.epoch, slot.state === 'free' ? undefined : each.held);
    });
  }

  #tell(event: SchedulerEvent): void {
    const now = this.#now;
    const commands = this.#scheduler.handle(event, now);
    this.record.push({ at: now, event, commands });
    const ends = this.model.happened(event, now);
    const grants: Grant[] = [];
    for (const command of commands) {
      if (command.type !== 'grant-lease') continue;
      this.#everGranted.push(command.lease);
      const { lease } = command;
      const free = this.model.firstFree;
      const chosen = this.model.freeSlots.find(
        (slot) => slot.worker === lease.worker && slot.index === lease.slot,
      );
      const isKnown = this.model.waiting.some((waiting) => waiting.request === command.request);
      const candidates = this.model.candidates(now);
      grants.push({
        command,
        expectedLease: free && { ...keyOf(free), epoch: this.model.nextEpoch },
        chosenLease: chosen && { ...keyOf(chosen), epoch: this.model.nextEpoch },
        candidates,
        sameTurn: this.model.sameTurn(now),
      });
      if (chosen && isKnown) this.model.granted(command.request, chosen, now);
    }
    this.moments.push({
      event,
      now,
      ended: commands.flatMap((command) => (command.type === 'end-lease' ? [command.lease] : [])),
      ends,
      grants,
      waiting: this.#scheduler.waiting,
      modelWaiting: this.model.waiting.length,
      hasFreeSlot: this.model.firstFree !== undefined,
      nextTimeAt: this.#scheduler.nextTimeAt,
      modelNextTimeAt: this.model.nextTimeAt,
    });
  }
}

export function keyOf(slot: ModelSlot): LeaseKey {
  return { worker: slot.worker, slot: slot.index, epoch: slot.epoch };
}
