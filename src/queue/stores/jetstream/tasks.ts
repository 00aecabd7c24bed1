import type { TaskId } from '../../../core/ids.js';
import { isSettled } from '../../../core/queue/task.js';
import type { TaskRecord } from '../../store.js';
import {
  type DroppedHead,
  NO_BYTES,
  recordFrom,
  type TaskHead,
  type WaitingHead,
  waitingRecord,
} from './heads.js';
import * as names from './names.js';
import type { Publisher } from './publisher.js';
import type { Kept, Reader } from './reader.js';

/** Where a task is found, and what stands there of it. */
export type Found =
  | { where: 'record'; kept: Kept<TaskHead> }
  | { where: 'offered' | 'held'; kept: Kept<WaitingHead> }
  | { where: 'dropped'; kept: Kept<DroppedHead> };

/** Where tasks may wait. NATS finds a message by its whole subject at once, and looks at all there are for a part of one. */
export interface Places {
  homes: () => readonly string[];
  lanes: () => readonly names.Lane[];
}

/**
 * Tasks, wherever they are. One goes from those held to those offered, from there to its record, and from there to those that
 * were dropped; each time it is kept at the new place before it goes from the old one.
 */
export class Tasks {
  readonly #publisher: Publisher;
  readonly #reader: Reader;
  readonly #places: Places;

  constructor(publisher: Publisher, reader: Reader, places: Places) {
    this.#publisher = publisher;
    this.#reader = reader;
    this.#places = places;
  }

  async find(id: TaskId): Promise<Found | undefined> {
    const record = await this.record(id);
    if (record) return { where: 'record', kept: record };
    // In the order in which a task goes, so that one that goes on meanwhile is found behind.
    const heldAs = this.#places.homes().map((home) => names.heldSubject(home, id));
    const held = await this.#first(names.HELD, heldAs);
    if (held) return { where: 'held', kept: held };
    const offeredAs = this.#places.lanes().map((lane) => names.workSubject(lane, id));
    const offered = await this.#first(names.WORK, offeredAs);
    if (offered) return { where: 'offered', kept: offered };
    return (await this.#settled(id)) ?? (await this.#findAnywhere(id));
  }

  record(id: TaskId): Promise<Kept<TaskHead> | undefined> {
    return this.#reader.last(names.TASKS, names.taskSubject(id));
  }

  held(home: string, id: TaskId): Promise<Kept<WaitingHead> | undefined> {
    return this.#reader.last(names.HELD, names.heldSubject(home, id));
  }

  offered(lane: names.Lane, id: TaskId): Promise<Kept<WaitingHead> | undefined> {
    return this.#reader.last(names.WORK, names.workSubject(lane, id));
  }

  async #settled(id: TaskId): Promise<Found | undefined> {
    const record = await this.record(id);
    if (record) return { where: 'record', kept: record };
    const dropped = await this.#reader.last<DroppedHead>(names.DROPPED, names.droppedSubject(id));
    return dropped && { where: 'dropped', kept: dropped };
  }

  /** In a place that we have not heard of so far. NATS looks at all that waits for that, so it comes last. */
  async #findAnywhere(id: TaskId): Promise<Found | undefined> {
    const held = await this.#reader.last<WaitingHead>(names.HELD, names.anyHeldSubject(id));
    if (held) return { where: 'held', kept: held };
    const offered = await this.#reader.last<WaitingHead>(names.WORK, names.anyWorkSubject(id));
    if (offered) return { where: 'offered', kept: offered };
    return this.#settled(id);
  }

  async #first(stream: string, subjects: readonly string[]): Promise<Kept<WaitingHead> | undefined> {
    const found = subjects.map((subject) => this.#reader.last<WaitingHead>(stream, subject));
    return (await Promise.all(found)).find((kept) => kept !== undefined);
  }

  /** @param after the number of the record that this one follows; 0 where it is the first. @returns undefined where it does not */
  async writeRecord(
    id: TaskId,
    head: TaskHead,
    data: Uint8Array,
    after: number,
  ): Promise<number | undefined> {
    return (await this.#publisher.publish(names.taskSubject(id), data, { head, after }))?.seq;
  }

  /** @returns whether it was not there already. */
  async hold(home: string, head: WaitingHead, data: Uint8Array): Promise<boolean> {
    const subject = names.heldSubject(home, head.spec.id);
    return (await this.#publisher.publish(subject, data, { head, after: 0 })) !== undefined;
  }

  /** @returns whether it was not there already. */
  async offer(lane: names.Lane, head: WaitingHead, data: Uint8Array): Promise<boolean> {
    const { id } = head.spec;
    const uniqueId = `${id}.${head.offering}`;
    const kept = await this.#publisher.publish(names.workSubject(lane, id), data, { head, uniqueId });
    return kept !== undefined && !kept.isDuplicate;
  }

  /** Notes that a task did not succeed. */
  async noteDead(id: TaskId, settledAt: number): Promise<void> {
    await this.#publisher.publish(names.deadSubject(id), NO_BYTES, { head: { settledAt } });
  }

  /** It is to run again, or was dropped. */
  async forgetDead(id: TaskId): Promise<void> {
    const note = await this.#reader.last(names.DEAD, names.deadSubject(id));
    if (note) await this.#reader.remove(names.DEAD, note.seq);
  }

  async writeDropped(head: DroppedHead): Promise<void> {
    await this.#publisher.publish(names.droppedSubject(head.spec.id), NO_BYTES, { head });
  }

  /** What a home has held up to this message goes. */
  async forgetHeld(home: string, last: number): Promise<void> {
    await this.#reader.removeAll(names.HELD, names.anyHeldBy(home), last);
  }

  async remove({ where, kept }: Found): Promise<void> {
    const streams = { record: names.TASKS, offered: names.WORK, held: names.HELD, dropped: names.DROPPED };
    await this.#reader.remove(streams[where], kept.seq);
  }
}

export function recordOf({ where, kept }: Found): TaskRecord {
  if (where === 'record') return recordFrom(kept.head);
  if (where === 'dropped') return recordFrom({ ...kept.head, offering: 0, losses: 0 }, true);
  return waitingRecord(kept.head);
}

export function isOpen(found: Found | undefined): boolean {
  return found !== undefined && !isSettled(recordOf(found).state);
}
