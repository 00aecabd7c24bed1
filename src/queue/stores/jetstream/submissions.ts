import type { TaskId } from '../../../core/ids.js';
import { isSettled } from '../../../core/queue/task.js';
import type { ShippedFunction } from '../../../wire/functions/source.js';
import type { AddedTask, TaskRecord, TaskSpec, UnsettledTask } from '../../store.js';
import type { KeptSpec } from '../kept-spec.js';
import { notThere, resultDropped, unknownFunction } from '../refusals.js';
import { keptSpec, NO_BYTES, specFrom, type TaskHead, type WaitingHead } from './heads.js';
import type { KeyBook } from './key-book.js';
import { type Lane, laneOf } from './names.js';
import type { FunctionStore, Payloads } from './objects.js';
import { type Found, recordOf, type Tasks } from './tasks.js';

interface Parts {
  tasks: Tasks;
  functions: FunctionStore;
  payloads: Payloads;
  keys: KeyBook;
}

export interface SubmissionEvents {
  /** Something was offered there. */
  offered(lane: Lane): Promise<void>;
  /** Something is held here. */
  held(): Promise<void>;
}

/** So many tasks may come in one ms before their order runs ahead of the time. */
const ORDERS_PER_MS = 1_000;

/** Takes tasks on: what may begin is offered, the rest is held. */
export class Submissions {
  readonly #home: string;
  readonly #tasks: Tasks;
  readonly #functions: FunctionStore;
  readonly #payloads: Payloads;
  readonly #keys: KeyBook;
  readonly #events: SubmissionEvents;
  #lastOrder = 0;

  constructor(home: string, { tasks, functions, payloads, keys }: Parts, events: SubmissionEvents) {
    this.#home = home;
    this.#tasks = tasks;
    this.#functions = functions;
    this.#payloads = payloads;
    this.#keys = keys;
    this.#events = events;
  }

  async add(tasks: readonly TaskSpec[], functions: readonly ShippedFunction[]): Promise<AddedTask[]> {
    const before = await this.#recordsBefore(tasks);
    const sent = new Set(functions.map(({ id }) => id as string));
    for (const id of new Set(tasks.map(({ functionId }) => functionId)))
      if (!sent.has(id) && !(await this.#functions.has(id)))
        throw unknownFunction(tasks.find(({ functionId }) => functionId === id) as TaskSpec);
    await this.#functions.keep(functions);
    const named = await this.#keys.take(tasks);
    const orders = tasks.map(({ submittedAt }) => this.#orderAt(submittedAt));
    return Promise.all(
      tasks.map(async (spec, index): Promise<AddedTask> => {
        const standing = standingBefore(spec, before);
        const { id, isNew } = named[index] ?? { id: spec.id, isNew: true };
        if (!isNew) return { id, isNew, ...standing };
        const isPlain = isReady(spec, standing);
        const isKept = await this.#keep({ ...spec, id }, orders[index] ?? 0, isPlain);
        return { id, isNew: isKept, ...standing, ...(isPlain && { isOffered: true }) };
      }),
    );
  }

  /** Held tasks of ours may begin. */
  async offer(ids: readonly TaskId[]): Promise<void> {
    await Promise.all(
      ids.map(async (id) => {
        const held = await this.#tasks.held(this.#home, id);
        if (!held) return;
        await this.#offer(held.head, held.data);
        await this.#tasks.remove({ where: 'held', kept: held });
      }),
    );
  }

  async retry(id: TaskId): Promise<UnsettledTask | undefined> {
    const record = await this.#tasks.record(id);
    if (!record || (record.head.state !== 'failed' && record.head.state !== 'cancelled')) return undefined;
    const { spec: old, order, offering, attempt, startedAt, out, args: place } = record.head;
    const args = place && (await this.#payloads.get(place, record.data, out?.bytes ?? 0));
    if (!args || !place) return undefined;
    const spec: KeptSpec = { ...old, notBefore: 0, deadlineAt: undefined };
    // Held first: whoever finds it there while its record says that it is settled forgets it.
    const head: WaitingHead = { spec, order, args: place, offering: offering + 1 };
    await this.#events.held();
    await this.#tasks.hold(this.#home, head, place.object === undefined ? args.data : NO_BYTES);
    const again: TaskHead = {
      spec,
      order,
      state: 'pending',
      attempt,
      offering: offering + 1,
      losses: 0,
      ...(startedAt !== undefined && { startedAt }),
    };
    const seq = await this.#tasks.writeRecord(id, again, NO_BYTES, record.seq);
    if (seq === undefined) return undefined;
    await this.#tasks.forgetDead(id);
    return this.standingOf(spec, attempt);
  }

  /** It is forgotten, but that it was there. */
  async drop(id: TaskId): Promise<void> {
    const record = await this.#tasks.record(id);
    if (!record || !isSettled(record.head.state)) return;
    const { spec, order, state, attempt, startedAt, settledAt, runMs, out, args } = record.head;
    const times = { startedAt, settledAt, runMs };
    await this.#tasks.writeDropped({ spec, order, state, attempt, ...times });
    await this.#tasks.remove({ where: 'record', kept: record });
    if (state !== 'succeeded') await this.#tasks.forgetDead(id);
    await this.#payloads.remove(out, args);
    if (spec.key !== undefined) await this.#keys.free(spec.key, id);
  }

  /** How those stand that a task comes after. */
  async standingOf(written: KeptSpec, attempt: number): Promise<UnsettledTask> {
    const spec = specFrom(written);
    const known = new Map<TaskId, TaskRecord>();
    for (const id of spec.after) {
      const found = await this.#tasks.find(id);
      if (found) known.set(id, recordOf(found));
    }
    const standing = standingBefore(spec, { records: known, together: new Set() });
    return { spec, attempt, wasClaimed: false, ...standing };
  }

  #orderAt(submittedAt: number): number {
    this.#lastOrder = Math.max(Math.round(submittedAt) * ORDERS_PER_MS, this.#lastOrder + 1);
    return this.#lastOrder;
  }

  async #keep(spec: TaskSpec, order: number, isPlain: boolean): Promise<boolean> {
    const { place, bytes } = await this.#payloads.put(`args.${spec.id}`, spec.args);
    const head: WaitingHead = { spec: keptSpec(spec), order, args: place, offering: 0 };
    if (isPlain) return this.#offer(head, bytes);
    await this.#events.held();
    return this.#tasks.hold(this.#home, head, bytes);
  }

  async #offer(head: WaitingHead, data: Uint8Array): Promise<boolean> {
    const { priority, requires } = head.spec;
    const lane = laneOf(priority, requires);
    await this.#events.offered(lane);
    return this.#tasks.offer(lane, { ...head, offeredAt: Date.now() }, data);
  }

  /** @throws PoolError `not-found`, `result-dropped` */
  async #recordsBefore(tasks: readonly TaskSpec[]): Promise<Before> {
    const together = new Set(tasks.map(({ id }) => id));
    const ids = [...new Set(tasks.flatMap(({ after }) => after))].filter((id) => !together.has(id));
    const found = await Promise.all(ids.map((id) => this.#tasks.find(id)));
    const records = new Map<TaskId, TaskRecord>();
    found.forEach((one: Found | undefined, index) => {
      if (one) records.set(ids[index] as TaskId, recordOf(one));
    });
    for (const spec of tasks) {
      for (const id of spec.after) if (!together.has(id) && !records.has(id)) throw notThere(spec, id);
      for (const { id } of spec.results) if (records.get(id)?.isDropped) throw resultDropped(spec, id);
    }
    return { records, together };
  }
}

/** Of the tasks that others come after: those submitted together, and the records of the rest. */
interface Before {
  records: ReadonlyMap<TaskId, TaskRecord>;
  together: ReadonlySet<TaskId>;
}

const NOTHING_BEFORE: Pick<AddedTask, 'unsettled' | 'upstream'> = { unsettled: [], upstream: undefined };

function standingBefore(
  { after }: Pick<TaskSpec, 'after'>,
  { records, together }: Before,
): Pick<AddedTask, 'unsettled' | 'upstream'> {
  if (after.length === 0) return NOTHING_BEFORE;
  const states = after.map((id) => records.get(id)?.state);
  const unsettled = after.filter((id, index) => {
    const state = states[index];
    return together.has(id) || (state !== undefined && !isSettled(state));
  });
  const upstream = after.find((_, index) => states[index] === 'failed' || states[index] === 'cancelled');
  return { unsettled, upstream };
}

/** Whether a task may begin as it is: nothing of it has to be decided here. */
function isReady(
  { notBefore, submittedAt, group }: TaskSpec,
  { unsettled, upstream }: Pick<AddedTask, 'unsettled' | 'upstream'>,
): boolean {
  return !group && notBefore <= submittedAt && unsettled.length === 0 && upstream === undefined;
}
