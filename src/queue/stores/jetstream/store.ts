import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { ClusterConnection, ClusterLog } from '../../../cluster/connection.js';
import { patiently } from '../../../cluster/patiently.js';
import type { TaskId } from '../../../core/ids.js';
import { isSettled } from '../../../core/queue/task.js';
import type { ShippedFunction } from '../../../wire/functions/source.js';
import type { ClaimedStanding, TaskWords } from '../../course.js';
import type { SharedListener, SharedTaskStore } from '../../shared-store.js';
import type {
  AddedTask,
  AttemptKey,
  ClaimedTask,
  ListQuery,
  RetentionRule,
  SettledQuery,
  Settlement,
  TaskOutcome,
  TaskPage,
  TaskRecord,
  TaskSpec,
  UnsettledTask,
} from '../../store.js';
import type { LogLine, TaskNews } from '../../task-log.js';
import { Adoption } from './adoption.js';
import { Claims } from './claims.js';
import { type Hand, Hands } from './hands.js';
import { logFrom, outcomeFrom, recordFrom } from './heads.js';
import { Homes } from './homes.js';
import { Intake } from './intake.js';
import { KeyBook } from './key-book.js';
import { LaneBook } from './lane-book.js';
import { News } from './news.js';
import { FunctionStore, Payloads } from './objects.js';
import { Publisher } from './publisher.js';
import { Reader } from './reader.js';
import { Seats } from './seats.js';
import { Settler } from './settler.js';
import { Oldest } from './oldest.js';
import { IndexKeeper } from './task-index.js';
import { type Rooms, setUp } from './setup.js';
import { Submissions } from './submissions.js';
import { recordOf, Tasks } from './tasks.js';

/** How long outcomes are remembered that were given here, in ms, and how many bytes of them. */
const RECENT_MS = 10_000;
const RECENT_BYTES = 16 * 1024 * 1024;

export interface JetStreamOptions {
  connection: ClusterConnection;
  /** How many servers have each task. */
  replicas: number;
  log: ClusterLog;
}

/** Tasks in the streams of a NATS cluster, which all coordinators share that are connected to it. */
export class JetStreamTaskStore implements SharedTaskStore {
  readonly isDurable = true;
  readonly holder: string;
  readonly #connection: ClusterConnection;
  readonly #log: ClusterLog;
  readonly #index: IndexKeeper;
  readonly #oldest: Oldest;
  readonly #publisher: Publisher;
  readonly #tasks: Tasks;
  readonly #hands: Hands;
  readonly #payloads: Payloads;
  readonly #functions: FunctionStore;
  readonly #settler: Settler;
  readonly #submissions: Submissions;
  readonly #intake: Intake;
  readonly #lanes: LaneBook;
  readonly #homes: Homes;
  readonly #adoption: Adoption;
  readonly #seats: Seats;
  readonly #news: News;
  /** What was settled here just now is asked for most. It has succeeded, so it does not change; another may drop it. */
  readonly #recent = new LRUCache<TaskId, TaskOutcome & { state: 'succeeded' }>({
    maxSize: RECENT_BYTES,
    sizeCalculation: ({ result }) => result.data.length + 100,
    ttl: RECENT_MS,
  });
  #listener: SharedListener | undefined;
  #isClosed = false;

  private constructor({ connection, log }: JetStreamOptions, holder: string, rooms: Rooms, seats: Seats) {
    this.holder = holder;
    this.#connection = connection;
    this.#log = log;
    this.#seats = seats;
    const { nats } = connection;
    const reader = new Reader(connection);
    this.#index = new IndexKeeper(connection, reader);
    this.#oldest = new Oldest(reader);
    const publisher = (this.#publisher = new Publisher(connection));
    const lanes = (this.#lanes = new LaneBook(rooms.lanes));
    const places = { homes: () => homes.homes, lanes: () => lanes.lanes };
    const tasks = (this.#tasks = new Tasks(publisher, reader, places));
    const hands = (this.#hands = new Hands(nats, () => void this.#checkHands().catch(this.#failed)));
    const payloads = (this.#payloads = new Payloads(rooms.payloads, reader));
    const functions = (this.#functions = new FunctionStore(rooms.functions, reader));
    const keys = new KeyBook(rooms.keys, reader, tasks);
    const news = (this.#news = new News(nats, holder));
    const homes: Homes = (this.#homes = new Homes(connection, rooms.keys, holder, seats, tasks));
    const intake: Intake = (this.#intake = new Intake(
      connection,
      (needs) => claims.taken(needs),
      (deliveries) => claims.onDeliveries(deliveries),
      this.#failed,
    ));
    const claims: Claims = new Claims(
      nats,
      holder,
      { tasks, hands, functions, payloads },
      {
        wanted: (needs) => intake.wanted(needs),
        arrived: (arrived) => this.#listener?.arrived(arrived),
        incomplete: (hand, what) => void this.#settleIncomplete(hand, what).catch(this.#failed),
        failed: this.#failed,
      },
    );
    this.#settler = new Settler(
      holder,
      { tasks, hands, payloads },
      {
        freed: (needs) => intake.changed(needs),
        settled: (settled) => news.settled(settled),
        failed: this.#failed,
      },
    );
    this.#submissions = new Submissions(
      holder,
      { tasks, functions, payloads, keys },
      { offered: (lane) => lanes.open(lane), held: () => homes.open() },
    );
    const parts = { homes, submissions: this.#submissions };
    this.#adoption = new Adoption(connection, log, parts, this.#failed);
  }

  /** @throws PoolError in one sentence where the streams are not there, cannot be made, or are not as they should be */
  static async open(options: JetStreamOptions): Promise<JetStreamTaskStore> {
    const { connection, log, replicas } = options;
    const holder = randomBytes(8).toString('hex');
    const rooms = await patiently(() => setUp(connection, replicas, log));
    const seats = await Seats.take(rooms.seats, holder, (error) =>
      log.warn({ err: error }, 'NATS could not be told that this coordinator is there'),
    );
    return new JetStreamTaskStore(options, holder, rooms, seats);
  }

  listen(listener: SharedListener): void {
    this.#listener = listener;
    this.#news.listen(listener);
    this.#lanes
      .follow((lane) => {
        this.#intake.open(lane).catch(this.#failed);
        listener.needed(lane.needs);
      }, this.#failed)
      .catch(this.#failed);
    this.#connection.listen((isConnected) => {
      if (isConnected) void this.#checkHands().catch(this.#failed);
    });
    this.#homes.follow(this.#failed).catch(this.#failed);
    this.#adoption.start((tasks) => listener.adopted(tasks));
  }

  add(tasks: readonly TaskSpec[], functions: readonly ShippedFunction[]): Promise<AddedTask[]> {
    return this.#submissions.add(tasks, functions);
  }

  unsettled(): AsyncIterable<UnsettledTask[]> {
    return this.#adoption.adopt();
  }

  want(needs: string, count: number): void {
    this.#intake.want(needs, count);
  }

  /** Tasks come to us claimed. */
  claim(ids: readonly TaskId[]): Promise<(ClaimedTask | undefined)[]> {
    return Promise.resolve(ids.map((id) => this.#hands.get(id)));
  }

  /** Claims go on by themselves. */
  renew(): Promise<void> {
    return Promise.resolve();
  }

  release(attempts: readonly AttemptKey[]): Promise<void> {
    return this.#settler.release(attempts);
  }

  async settle(settlements: readonly Settlement[]): Promise<boolean[]> {
    const areSettled = await this.#settler.settle(settlements);
    settlements.forEach(({ id, outcome }, index) => {
      if (areSettled[index] && outcome.state === 'succeeded') this.#recent.set(id, outcome);
    });
    return areSettled;
  }

  offer(ids: readonly TaskId[]): Promise<void> {
    return this.#submissions.offer(ids);
  }

  async cancelElsewhere(ids: readonly TaskId[]): Promise<TaskId[]> {
    const holders = await Promise.all(ids.map(async (id) => (await this.#tasks.record(id))?.head));
    const byHolder = new Map<string, TaskId[]>();
    const others: TaskId[] = [];
    holders.forEach((head, index) => {
      const id = ids[index] as TaskId;
      const holder = head?.state === 'running' ? head.holder : undefined;
      if (holder === undefined || holder === this.holder) others.push(id);
      else byHolder.set(holder, [...(byHolder.get(holder) ?? []), id]);
    });
    await Promise.all([...byHolder].map(([holder, cancel]) => this.#news.ask(holder, { cancel })));
    return others;
  }

  async usedElsewhere(ids: readonly TaskId[]): Promise<ReadonlySet<TaskId> | undefined> {
    return this.#news.usedElsewhere(ids, await this.#seats.present());
  }

  tellBegun(ids: readonly TaskId[]): void {
    this.#news.begun(ids);
  }

  follow(id: TaskId): void {
    void this.#askRunner(id, { follow: id }).catch(this.#failed);
  }

  async standingElsewhere({ id, requires }: TaskWords): Promise<ClaimedStanding | undefined> {
    return (await this.#askRunner(id, { standing: { id, requires } }))?.standing;
  }

  tellNews(id: TaskId, news: TaskNews): void {
    this.#news.tell(id, news);
  }

  async find(ids: readonly TaskId[]): Promise<(TaskRecord | undefined)[]> {
    return Promise.all(
      ids.map(async (id) => {
        const hand = this.#hands.get(id);
        if (hand && !hand.isOver) return recordFrom(hand.head);
        const found = await this.#tasks.find(id);
        return found && recordOf(found);
      }),
    );
  }

  outcomes(ids: readonly TaskId[]): Promise<(TaskOutcome | 'dropped' | undefined)[]> {
    return Promise.all(
      ids.map(async (id) => {
        const recent = this.#recent.get(id);
        if (recent) return recent;
        const found = await this.#tasks.find(id);
        if (found?.where === 'dropped') return 'dropped';
        if (found?.where !== 'record') return undefined;
        const { head, data } = found.kept;
        const payload = head.out && (await this.#payloads.get(head.out, data));
        // It is being dropped at this moment.
        if (head.out && !payload) return 'dropped';
        return outcomeFrom(head, payload);
      }),
    );
  }

  async logs(id: TaskId): Promise<readonly LogLine[]> {
    const { head, data } = (await this.#tasks.record(id)) ?? {};
    if (!head?.log || !data || !isSettled(head.state)) return [];
    return logFrom(data.subarray(data.length - head.log));
  }

  async source(id: TaskId): Promise<string> {
    const [record] = await this.find([id]);
    if (!record || record.isDropped) return '';
    return (await this.#functions.get(record.spec.functionId))?.preview ?? '';
  }

  async list(query: ListQuery): Promise<TaskPage> {
    return (await this.#index.look()).list(query);
  }

  async settled(query: SettledQuery): Promise<TaskPage> {
    return (await this.#index.look()).settled(query);
  }

  async retry(ids: readonly TaskId[]): Promise<(UnsettledTask | undefined)[]> {
    return Promise.all(ids.map((id) => this.#submissions.retry(id)));
  }

  /** One coordinator looks for all. */
  async expendable(rule: RetentionRule): Promise<TaskId[]> {
    if (!this.#seats.hasRetention || !this.#connection.isConnected) return [];
    return this.#oldest.expendable(rule);
  }

  async drop(ids: readonly TaskId[]): Promise<void> {
    for (const id of ids) this.#recent.delete(id);
    await Promise.all(ids.map((id) => this.#submissions.drop(id)));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#adoption.close();
    this.#intake.close();
    this.#lanes.close();
    this.#homes.close();
    this.#hands.close();
    this.#news.close();
    if (this.#connection.isConnected) await this.#seats.leave();
    await this.#index.close();
    this.#publisher.close();
    await this.#connection.close();
  }

  /** What has become of our claims while nothing was heard of us. */
  async #checkHands(): Promise<void> {
    const overtaken: TaskId[] = [];
    for (const id of this.#hands.ids) {
      const hand = this.#hands.get(id);
      const record = hand && (await this.#tasks.record(id));
      if (!hand || hand.isOver || record?.seq === hand.revision) continue;
      this.#hands.drop(hand);
      overtaken.push(id);
      this.#intake.changed(hand.needs);
    }
    if (overtaken.length > 0) this.#listener?.overtaken(overtaken);
  }

  async #askRunner(id: TaskId, letter: Parameters<News['askRunner']>[1]): ReturnType<News['askRunner']> {
    return this.#news.askRunner((await this.#tasks.record(id))?.head, letter);
  }

  /** Nobody can run it, now or later. */
  async #settleIncomplete({ spec: { id, name }, attempt }: Hand, what: string): Promise<void> {
    const message = `\`${name}\`: its ${what} ${what === 'function' ? 'is' : 'are'} kept no longer; submit it again`;
    const failure = { code: 'code-unknown' as const, message, mayHaveRun: false };
    await this.settle([{ id, attempt, outcome: { state: 'failed', failure, runMs: 0 }, at: Date.now() }]);
  }

  readonly #failed = (error: unknown): void => {
    if (this.#connection.isConnected && !this.#isClosed)
      this.#log.error({ err: error }, 'the store of the queue has failed');
  };
}
