import { assertNever } from '../assert-never.js';
import { Heap } from '../heap.js';
import type { TaskId } from '../ids.js';
import { Entry } from './entry.js';
import type { QueueCommand, QueueEvent, SubmittedTask, TakenTask } from './events.js';
import { Groups } from './groups.js';
import { Lane } from './lane.js';
import { Limits } from './limits.js';
import type { Standing } from './standing.js';
import type { SettledState, TaskFacts, Verdict } from './task.js';

/**
 * Decides about submitted tasks: which one is given to a worker next, when one may begin, and what becomes of those that come
 * after others. Holds the unsettled ones only, and of these what decisions depend on.
 */
export class Queue {
  readonly #entries = new Map<TaskId, Entry>();
  /** By what their tasks ask for; those alone that have any. */
  readonly #lanes = new Map<string, Lane>();
  readonly #groups = new Groups();
  readonly #delayed = new Heap<Entry>((a, b) =>
    a.notBefore !== b.notBefore ? a.notBefore < b.notBefore : a.order < b.order,
  );
  readonly #limits = new Limits();
  /** How many unsettled tasks take the result of this one. */
  readonly #users = new Map<TaskId, number>();
  readonly #isShared: boolean;
  #order = 0;
  #commands: QueueCommand[] = [];

  /** @param isShared whether other coordinators may run its tasks: then none stands in line here. */
  constructor(isShared = false) {
    this.#isShared = isShared;
  }

  /** How many tasks have no outcome. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * How many tasks no worker of this coordinator has, whatever they wait for, and the first of them in the order in which they were
   * submitted. Those that all coordinators may take are among them.
   */
  waiting(limit: number): { count: number; first: TaskFacts[] } {
    const first: TaskFacts[] = [];
    for (const { isRunning, phase, facts } of this.#entries.values()) {
      if (first.length === limit) break;
      if (!isRunning && phase !== 'settling') first.push(facts);
    }
    let count = this.#entries.size;
    for (const { running } of this.#lanes.values()) count -= running;
    return { count, first };
  }

  /** What is asked for by tasks that could begin now. */
  get readyNeeds(): string[] {
    const needs: string[] = [];
    for (const [word, { turns }] of this.#lanes) if (turns.size > 0) needs.push(word);
    return needs;
  }

  has(id: TaskId): boolean {
    return this.#entries.has(id);
  }

  /** Whether its result is still needed by a task that has not ended. */
  isUsed(id: TaskId): boolean {
    return this.#users.has(id);
  }

  /** For how long a task had stood in line when it was taken out of it last, in ms. */
  lineMs(id: TaskId): number {
    return this.#entries.get(id)?.lineMs ?? 0;
  }

  /** How a task stands; undefined for one that has its outcome. */
  standingOf(id: TaskId, now: number): Standing | undefined {
    const entry = this.#entries.get(id);
    if (!entry) return undefined;
    const lane = this.#laneOf(entry);
    const after = entry.phase === 'blocked' ? entry.facts.after.filter((one) => this.#entries.has(one)) : [];
    return {
      phase: entry.phase,
      lineMs: entry.request ? now - entry.request.since : entry.lineMs,
      after,
      notBefore: entry.notBefore,
      group: this.#groups.standingOf(entry),
      waiting: lane.waiting,
      before: entry.phase === 'ready' ? lane.turns.above(entry.priority) : 0,
    };
  }

  /** When time itself will change something; undefined for never. */
  get nextAt(): number | undefined {
    const at = Math.min(this.#delayed.peek()?.notBefore ?? Infinity, this.#limits.nextAt ?? Infinity);
    return at < Infinity ? at : undefined;
  }

  handle(event: QueueEvent, now: number): QueueCommand[] {
    this.#commands = [];
    this.#handle(event, now);
    return this.#commands;
  }

  #handle(event: QueueEvent, now: number): void {
    switch (event.type) {
      case 'submitted':
        for (const task of event.tasks) this.#add(task, now);
        return;
      case 'arrived':
        for (const task of event.tasks) this.#arrive(task, now);
        return;
      case 'room':
        return this.#claim(event.needs, event.hasRoom, now);
      case 'began':
        return this.#began(this.#entries.get(event.id));
      case 'released':
        return this.#release(event.id, event.delayMs, now);
      case 'settled':
        return this.#settled(event.id, event.state, now);
      case 'cancel':
        return this.#end(this.#entries.get(event.id), { kind: 'cancelled' }, now);
      case 'time-passed':
        return this.#pass(now);
      default:
        return assertNever(event);
    }
  }

  #add({ facts, upstream, wasCutShort, isOffered, isGuest = false }: SubmittedTask, now: number): void {
    const known = this.#entries.get(facts.id);
    // Another coordinator has decided about it so far; now that is for this one to do.
    const isAdopted = known?.isGuest && known.phase === 'offered' && !isOffered && !isGuest;
    if (known && !isAdopted) return;
    const entry = this.#enter(facts, isGuest, known);
    if (isOffered) return this.#wasOffered(entry, now);
    if (facts.group) this.#groups.setLimit(facts.group.name, facts.group.limit);
    for (const id of facts.after) {
      const before = this.#entries.get(id);
      if (!before || before === entry) continue;
      (before.dependents ??= []).push(entry);
      entry.waitsFor += 1;
    }
    if (facts.deadlineAt !== undefined) this.#limits.set(entry, 'deadline-exceeded', facts.deadlineAt);
    if (upstream !== undefined) return this.#end(entry, { kind: 'upstream', id: upstream }, now);
    if (wasCutShort && facts.runsOnce) return this.#end(entry, { kind: 'cut-short' }, now);
    if (entry.waitsFor > 0) entry.phase = 'blocked';
    else this.#delayOrLineUp(entry, now);
    this.#fillSeats(entry, now); // Its limit may be higher than the one before.
  }

  /** @param guest what stood for it here so far. */
  #enter(facts: TaskFacts, isGuest: boolean, guest?: Entry): Entry {
    if (guest) this.#forget(guest);
    const entry = new Entry(facts, this.#order++);
    entry.isGuest = isGuest;
    entry.dependents = guest?.dependents;
    this.#entries.set(facts.id, entry);
    for (const id of facts.uses) this.#users.set(id, (this.#users.get(id) ?? 0) + 1);
    return entry;
  }

  #wasOffered(entry: Entry, now: number): void {
    entry.phase = 'offered';
    if (!entry.isGuest) this.#limitSince(entry, now);
  }

  #limitSince(entry: Entry, offeredAt: number): void {
    const { queueTimeoutMs, deadlineAt } = entry.facts;
    if (queueTimeoutMs !== undefined) this.#limits.set(entry, 'queue-timeout', offeredAt + queueTimeoutMs);
    if (deadlineAt !== undefined) this.#limits.set(entry, 'deadline-exceeded', deadlineAt);
  }

  #arrive({ facts, offeredAt, isSpent }: TakenTask, now: number): void {
    const known = this.#entries.get(facts.id);
    const entry = known ?? this.#enter(facts, true);
    if (!known) this.#limitSince(entry, offeredAt);
    if (isSpent) return this.#end(entry, { kind: 'cut-short' }, now);
    entry.lineMs = now - offeredAt;
    entry.phase = 'claimed';
    this.#laneOf(entry).arrive(entry);
    // It was taken before its outcome was kept.
    if (entry.ending) this.#end(entry, entry.ending, now);
  }

  #delayOrLineUp(entry: Entry, now: number): void {
    if (entry.notBefore <= now) return this.#lineUp(entry, now);
    entry.phase = 'delayed';
    this.#delayed.push(entry);
  }

  #lineUp(entry: Entry, now: number): void {
    const { queueTimeoutMs } = entry.facts;
    if (queueTimeoutMs !== undefined && !entry.limits?.some(({ kind }) => kind === 'queue-timeout'))
      this.#limits.set(entry, 'queue-timeout', now + queueTimeoutMs);
    const { isSeated, unseated } = this.#groups.seat(entry);
    if (unseated) {
      this.#laneOf(unseated).turns.leave(unseated, now);
      unseated.phase = 'parked';
    }
    if (isSeated) this.#join(entry, now);
    else entry.phase = 'parked';
  }

  #join(entry: Entry, now: number): void {
    if (this.#isShared) {
      this.#groups.claim(entry);
      entry.phase = 'offered';
      this.#commands.push({ type: 'offer', id: entry.facts.id });
      return;
    }
    entry.phase = 'ready';
    this.#laneOf(entry).turns.join(entry, now);
  }

  #claim(needs: string, hasRoom: (functionId: string, ahead: number) => boolean, now: number): void {
    const lane = this.#lanes.get(needs);
    for (let next = lane?.turns.next(now); lane && next; next = lane.turns.next(now)) {
      if (!hasRoom(next.facts.functionId, lane.claimedFrom(next.priority))) return;
      next.lineMs = now - (next.request?.since ?? now);
      lane.claim(next, now);
      this.#groups.claim(next);
      next.phase = 'claimed';
      this.#commands.push({ type: 'claim', id: next.facts.id });
    }
  }

  #began(entry: Entry | undefined): void {
    if (entry?.phase !== 'claimed') return;
    this.#limits.remove(entry, 'queue-timeout');
    this.#laneOf(entry).begin(entry);
  }

  #laneOf({ facts: { needs } }: Entry): Lane {
    let lane = this.#lanes.get(needs);
    if (!lane) {
      lane = new Lane();
      this.#lanes.set(needs, lane);
    }
    return lane;
  }

  #release(id: TaskId, delayMs: number, now: number): void {
    const entry = this.#entries.get(id);
    if (entry && this.#isShared) return this.#returned(entry, now);
    if (entry?.phase !== 'claimed') return;
    this.#leave(entry, now);
    entry.againAt = now + delayMs;
    this.#delayOrLineUp(entry, now);
  }

  /** Somebody else has it, or may take it. */
  #returned(entry: Entry, now: number): void {
    if (entry.phase === 'claimed') this.#laneOf(entry).giveBack(entry, now);
    else if (entry.phase !== 'settling') return;
    entry.phase = 'offered';
    entry.ending = undefined;
    if (entry.isGuest && !entry.dependents) this.#forget(entry);
  }

  /** Ends a task before its time: at once where it only waits, else by stopping it. */
  #end(entry: Entry | undefined, how: Verdict, now: number): void {
    if (!entry || entry.phase === 'settling') return;
    const { id } = entry.facts;
    if (entry.phase === 'claimed') {
      this.#commands.push({ type: 'stop', id, how });
      return;
    }
    this.#leave(entry, now);
    entry.phase = 'settling';
    entry.ending = how;
    this.#commands.push({ type: 'settle', id, how });
  }

  #settled(id: TaskId, state: SettledState, now: number): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#leave(entry, now);
    this.#forget(entry);
    for (const dependent of entry.dependents ?? []) {
      if (dependent.phase !== 'blocked') continue;
      if (state !== 'succeeded') this.#end(dependent, { kind: 'upstream', id }, now);
      else if (--dependent.waitsFor === 0) this.#delayOrLineUp(dependent, now);
    }
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.facts.id);
    this.#limits.removeAll(entry);
    for (const used of entry.facts.uses) {
      const users = (this.#users.get(used) ?? 1) - 1;
      if (users > 0) this.#users.set(used, users);
      else this.#users.delete(used);
    }
  }

  /** Takes a task from wherever it is. */
  #leave(entry: Entry, now: number): void {
    if (entry.phase === 'delayed') this.#delayed.remove(entry);
    if (entry.request) entry.lineMs = now - entry.request.since;
    const lane = this.#laneOf(entry);
    lane.turns.leave(entry, now);
    this.#groups.leave(entry);
    if (entry.phase === 'claimed') {
      lane.giveBack(entry, now);
      entry.phase = 'settling';
    }
    // The one that all share remembers what each client has had.
    if (entry.facts.needs !== '' && lane.isEmpty) this.#lanes.delete(entry.facts.needs);
    this.#fillSeats(entry, now);
  }

  /** Of its group, those for which there is a seat now. */
  #fillSeats(entry: Entry, now: number): void {
    if (!entry.facts.group) return;
    for (let next = this.#groups.nextSeated(entry); next; next = this.#groups.nextSeated(entry))
      this.#join(next, now);
  }

  #pass(now: number): void {
    for (let due = this.#limits.takeDue(now); due; due = this.#limits.takeDue(now)) {
      const { entry, kind } = due;
      const limitMs = entry.facts.queueTimeoutMs ?? 0;
      this.#end(entry, kind === 'queue-timeout' ? { kind, limitMs } : { kind }, now);
    }
    for (let next = this.#delayed.peek(); next && next.notBefore <= now; next = this.#delayed.peek()) {
      this.#delayed.remove(next);
      this.#lineUp(next, now);
    }
  }
}
