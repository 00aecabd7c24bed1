import type { Consumer, ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import type { ClusterConnection } from '../../../cluster/connection.js';
import type { TaskId } from '../../../core/ids.js';
import { isSettled, type TaskState } from '../../../core/queue/task.js';
import { MAX_DROPPED } from '../../retention.js';
import type { ListQuery, SettledQuery, TaskPage, TaskRecord } from '../../store.js';
import type { KeptSpec } from '../kept-spec.js';
import { type Ordered, OutcomeOrder } from '../outcome-order.js';
import { type Listed, TaskList } from '../task-list.js';
import { type DroppedHead, recordFrom, specFrom, type TaskHead, type WaitingHead } from './heads.js';
import { DROPPED, HELD, TASKS } from './names.js';
import { headFrom, type Reader } from './reader.js';
import { WorkScan } from './work-scan.js';

/** How long it is kept after somebody has looked, in ms. */
const KEPT_MS = 60_000;

/** How often it is asked whether all has come that was kept before, in ms. */
const CATCH_UP_MS = 10;

class IndexRow implements Listed, Ordered {
  state: TaskState = 'pending';
  attempt = 0;
  startedAt: number | undefined = undefined;
  settledAt: number | undefined = undefined;
  failure: TaskRecord['failure'] = undefined;
  runMs = 0;
  course: TaskRecord['course'] = undefined;
  isDropped = false;
  settledOrder = -1;
  /** Where the newest word of it was read. */
  source: 'waiting' | 'record' | 'dropped' = 'waiting';
  spec: KeptSpec;
  readonly order: number;

  constructor(spec: KeptSpec, order: number) {
    this.spec = spec;
    this.order = order;
  }
}

interface Feed {
  stream: string;
  consumer: Consumer;
  messages: ConsumerMessages;
  /** The number of the message that was read last. */
  read: number;
}

/** All tasks without their bytes, read from the streams: while somebody looks at lists, and a while longer. */
class TaskIndex {
  readonly #rows = new Map<TaskId, IndexRow>();
  readonly #list = new TaskList<IndexRow>((row) => this.#rows.get(row.spec.id) === row);
  readonly #outcomes = new OutcomeOrder<IndexRow>();
  readonly #dropped = new Set<IndexRow>();
  readonly #orders = new Set<number>();
  readonly #feeds: Feed[] = [];
  readonly #work: WorkScan;
  #isClosed = false;

  private constructor(reader: Reader) {
    this.#work = new WorkScan(reader, (head) => void this.#rowOf(head));
  }

  static async open(connection: ClusterConnection, reader: Reader): Promise<TaskIndex> {
    const index = new TaskIndex(reader);
    for (const stream of [HELD, TASKS, DROPPED]) {
      const consumer = await connection.jetstream.consumers.get(stream, { headers_only: true });
      const messages = await consumer.consume({ max_messages: 2_000 });
      const feed = { stream, consumer, messages, read: 0 };
      index.#feeds.push(feed);
      void index.#follow(feed);
    }
    return index;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves when all has been read that was kept before. */
  async catchUp(): Promise<void> {
    // In the order in which tasks go: one that goes on meanwhile is found behind.
    await this.#work.catchUp();
    for (const feed of this.#feeds) {
      for (;;) {
        const { num_pending, delivered } = await feed.consumer.info();
        if (this.#isClosed || (num_pending === 0 && feed.read >= delivered.stream_seq)) break;
        await new Promise((resolve) => setTimeout(resolve, CATCH_UP_MS));
      }
    }
  }

  list(query: ListQuery): TaskPage {
    return this.#list.page(query);
  }

  settled({ limit, cursor }: SettledQuery): TaskPage {
    const { rows, last } = this.#outcomes.page(cursor === undefined ? -1 : Number(cursor), limit);
    return { tasks: rows, cursor: last === undefined ? undefined : String(last) };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#feeds.map(({ messages }) => messages.close()));
  }

  async #follow(feed: Feed): Promise<void> {
    for await (const message of feed.messages) {
      this.#onMessage(feed.stream, message);
      feed.read = message.seq;
    }
    // It has ended by itself: whoever looks next begins anew.
    this.#isClosed = true;
  }

  #onMessage(stream: string, message: JsMsg): void {
    const written = message.headers?.get('Offhand');
    if (!written) return;
    if (stream === TASKS) this.#onRecord(headFrom<TaskHead>(written), message.seq);
    else if (stream === DROPPED) this.#onDropped(headFrom<DroppedHead>(written));
    else this.#rowOf(headFrom<WaitingHead>(written));
  }

  #onRecord(head: TaskHead, seq: number): void {
    const row = this.#rowOf(head);
    if (row.source === 'dropped') return;
    this.#outcomes.remove(row);
    Object.assign(row, recordFrom(head), { source: 'record' });
    if (!isSettled(row.state)) return;
    this.#outcomes.add(row, seq);
  }

  #onDropped(head: DroppedHead): void {
    const row = this.#rowOf(head);
    this.#outcomes.remove(row);
    Object.assign(row, recordFrom({ ...head, offering: 0, losses: 0 }, true), { source: 'dropped' });
    this.#dropped.add(row);
    for (const oldest of this.#dropped) {
      if (this.#dropped.size <= MAX_DROPPED) break;
      this.#dropped.delete(oldest);
      this.#rows.delete(oldest.spec.id);
      this.#orders.delete(oldest.order);
    }
    this.#list.compact(this.#rows.size);
  }

  #rowOf({ spec, order: given }: { spec: KeptSpec; order: number }): IndexRow {
    let row = this.#rows.get(spec.id);
    if (row) return row;
    let order = given;
    // Two coordinators may have taken tasks on at the same time.
    while (this.#orders.has(order)) order += 1;
    this.#orders.add(order);
    row = new IndexRow(specFrom(spec), order);
    this.#rows.set(spec.id, row);
    this.#list.add(row);
    return row;
  }
}

/** The index, for as long as somebody looks. */
export class IndexKeeper {
  readonly #connection: ClusterConnection;
  readonly #reader: Reader;
  #index: Promise<TaskIndex> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(connection: ClusterConnection, reader: Reader) {
    this.#connection = connection;
    this.#reader = reader;
  }

  /** With all that was kept before. */
  async look(): Promise<TaskIndex> {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.close(), KEPT_MS);
    this.#timer.unref();
    if ((await this.#index?.catch(() => undefined))?.isClosed !== false)
      this.#index = TaskIndex.open(this.#connection, this.#reader);
    const index = await (this.#index as Promise<TaskIndex>);
    await index.catchUp();
    return index;
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    const index = await this.#index?.catch(() => undefined);
    this.#index = undefined;
    await index?.close();
  }
}
