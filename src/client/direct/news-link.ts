import type { ClientDuplexStream } from '@grpc/grpc-js';
import { withResolvers } from '../../core/with-resolvers.js';
import { callMetadata, type Credentials } from '../../wire/credentials.js';
import type { FollowRequest } from '../../wire/generated/offhand/v1/FollowRequest.js';
import type { TaskNews__Output } from '../../wire/generated/offhand/v1/TaskNews.js';
import type { WorkerClient } from '../../wire/proto.js';
import { CLIENT_ID, type DirectTask } from './direct-task.js';

/** How long the stream stays open when no task is followed, in ms. */
const LINGER_MS = 100;

type Stream = ClientDuplexStream<FollowRequest, TaskNews__Output>;

/** What the tasks on one worker tell while they run: those of this client that it follows. */
export class NewsLink {
  readonly #client: InstanceType<typeof WorkerClient>;
  readonly #credentials: Credentials;
  readonly #tasks = new Map<number, DirectTask>();
  readonly #barriers = new Map<number, () => void>();
  #stream: Stream | undefined;
  #barrierCount = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(client: InstanceType<typeof WorkerClient>, credentials: Credentials) {
    this.#client = client;
    this.#credentials = credentials;
  }

  /** Hears of a task from now on, until it is settled. */
  follow(task: DirectTask): void {
    clearTimeout(this.#timer);
    if (task.news !== this) task.news?.part(task); // It ran elsewhere before.
    this.#tasks.set(task.serial, task);
    task.news = this;
    this.#stream ??= this.#open();
  }

  part(task: DirectTask): void {
    this.#tasks.delete(task.serial);
    if (this.#tasks.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.close(), LINGER_MS);
  }

  /** Resolves when everything is heard that tasks told before they ended, or nothing more can be heard. */
  whenHeard(): Promise<void> {
    if (!this.#stream) return Promise.resolve();
    const { promise, resolve } = withResolvers<void>();
    const barrier = ++this.#barrierCount;
    this.#barriers.set(barrier, resolve);
    this.#stream.write({ barrier });
    return promise;
  }

  close(): void {
    clearTimeout(this.#timer);
    const stream = this.#stream;
    this.#broken(stream);
    stream?.cancel();
  }

  #open(): Stream {
    const stream = this.#client.followTasks(callMetadata(this.#credentials));
    stream.on('data', (news: TaskNews__Output) => this.#onNews(news));
    stream.on('error', () => this.#broken(stream)); // Its tasks hear by themselves that their worker is gone.
    stream.on('end', () => this.#broken(stream));
    stream.write({ client: CLIENT_ID });
    return stream;
  }

  #onNews({ serial, barrier, progress, printed }: TaskNews__Output): void {
    if (barrier) {
      this.#barriers.get(barrier)?.();
      this.#barriers.delete(barrier);
    }
    const task = this.#tasks.get(serial);
    if (progress) task?.onProgress(progress.fraction, progress.note);
    if (printed) task?.onPrinted(printed.text, printed.isError);
  }

  #broken(stream: Stream | undefined): void {
    if (stream !== this.#stream) return;
    this.#stream = undefined;
    for (const resolve of this.#barriers.values()) resolve();
    this.#barriers.clear();
  }
}
