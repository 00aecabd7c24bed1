import type { ServerDuplexStream } from '@grpc/grpc-js';
import { type WorkerId, workerId } from '../core/ids.js';
import { rankOf } from '../core/worker-names.js';
import { type TagSet, tagSet } from '../core/tags.js';
import type { AttachRequest__Output } from '../wire/generated/offhand/v1/AttachRequest.js';
import type { Attempts__Output } from '../wire/generated/offhand/v1/Attempts.js';
import type { CoordinatorMessage } from '../wire/generated/offhand/v1/CoordinatorMessage.js';
import type { Report__Output } from '../wire/generated/offhand/v1/Report.js';
import type { StateReply__Output } from '../wire/generated/offhand/v1/StateReply.js';
import type { WorkerMessage__Output } from '../wire/generated/offhand/v1/WorkerMessage.js';
import type { WorkerState__Output } from '../wire/generated/offhand/v1/WorkerState.js';

import { WorkerHistory } from './worker-history.js';

export type AttachStream = ServerDuplexStream<WorkerMessage__Output, CoordinatorMessage>;

/** How long a worker may take to tell its state before the coordinator answers from what it knows, in ms. */
const STATE_LIMIT_MS = 1_000;

/** The coordinator's end of one worker's attachment. */
export class WorkerLink {
  readonly id: WorkerId;
  readonly info: AttachRequest__Output;
  readonly tags: TagSet;
  readonly #stream: AttachStream;
  readonly #queries = new Map<number, (state: WorkerState__Output | undefined) => void>();
  #nextQuery = 1;
  /** The newest report, once there is one. */
  report: Report__Output | undefined;
  readonly history = new WorkerHistory();
  isDraining = false;
  /** Told what its slots ran, while somebody watches. */
  onAttempts: (attempts: Attempts__Output) => void = () => undefined;
  /** Whether its stream has broken and it may dial again. */
  isAway = false;
  /** When it last said something, on the coordinator's clock. */
  heardAt = 0;

  /** @throws PoolError `invalid-argument` */
  constructor(info: AttachRequest__Output, stream: AttachStream) {
    this.id = workerId(info.workerId);
    this.info = info;
    this.tags = tagSet(info.tags, 'tags');
    this.#stream = stream;
  }

  get rank(): number {
    return rankOf(this.info.worker);
  }

  /** Lost on a worker that is away: it hears what still holds when it attaches again. */
  send(message: CoordinatorMessage): void {
    if (!this.isAway) this.#stream.write(message);
  }

  drain(withinMs: number): void {
    this.isDraining = true;
    this.send({ drain: { withinMs } });
  }

  close(): void {
    this.#stream.end();
    for (const answer of this.#queries.values()) answer(undefined);
    this.#queries.clear();
  }

  /** Asks the worker itself; where it does not answer in time, what was last reported has to do. */
  async state(): Promise<WorkerState__Output> {
    const query = this.#nextQuery++;
    const told = new Promise<WorkerState__Output | undefined>((resolve) => this.#queries.set(query, resolve));
    const timer = setTimeout(() => this.#answer(query, undefined), STATE_LIMIT_MS);
    this.send({ stateQuery: { query } });
    const state = await told;
    clearTimeout(timer);
    return state ?? this.#lastKnown;
  }

  onState({ query, state }: StateReply__Output): void {
    this.#answer(query, state ?? undefined);
  }

  get #lastKnown(): WorkerState__Output {
    const { worker, host, port, pid, slots, tags, version } = this.info;
    const { completed, failed } = this.history.newest;
    const phase = this.isDraining ? 'draining' : 'running';
    const unknown = { busy: false, tasks: [], cpuMs: 0, uptimeMs: 0, rssBytes: 0, deaths: 0 };
    return { worker, host, port, pid, slots, phase, completed, failed, tags, version, ...unknown };
  }

  #answer(query: number, state: WorkerState__Output | undefined): void {
    this.#queries.get(query)?.(state);
    this.#queries.delete(query);
  }
}
