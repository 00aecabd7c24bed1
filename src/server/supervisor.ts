import type { ChildProcess } from 'node:child_process';
import { PoolError } from '../core/errors.js';
import { explainEnd, type Loss } from '../core/process-end.js';
import { recentDeaths, restartDelayMs } from '../core/restart-backoff.js';
import type { WorkerId } from '../core/ids.js';
import { rankOf, WorkerNames } from '../core/worker-names.js';
import { withResolvers } from '../core/with-resolvers.js';
import type { Logger } from '../host/logger.js';
import { isAlive, orphans, type WorkerProcess } from '../host/pool-files.js';
import type { CoordinatorPlace, ServerOptions } from '../wire/process-messages.js';
import { WorkFolders } from './work-folders.js';
import {
  killGroup,
  order,
  type ProcessEnd,
  type SharedSettings,
  startWorkerProcess,
} from './worker-process.js';

/** The place of one worker: the process that fills it now, if one does. */
interface Place {
  readonly name: string;
  /** When its processes died lately, in ms on the monotonic clock: newest last. */
  deaths: readonly number[];
  child: ChildProcess | undefined;
  /** The process that takes its place when that has left: ready, and not attached yet. */
  successor: ChildProcess | undefined;
  /** A process that another server, which is gone, has started. */
  adopted: { pid: number; gone: () => void; whenGone: Promise<void> } | undefined;
  restart: NodeJS.Timeout | undefined;
  /** Its process finishes what it runs, and is not replaced. */
  isLeaving: boolean;
}

/**
 * How long workers of a server that is gone may take to come to this one once it listens, in ms; they dial several times a
 * second.
 */
const ADOPTION_MS = 3_000;

/** How often it is looked whether the processes that were taken on still live, in ms. */
const WATCH_MS = 250;

/**
 * Sees to it that a server has its number of worker processes: starts them, takes on those that a server before it has
 * left, replaces those that die, ends them with the pool.
 */
export class Supervisor {
  readonly #settings: SharedSettings;
  readonly #folders: WorkFolders | undefined;
  readonly #tagsByWorker: ServerOptions['tagsByWorker'];
  readonly names = new WorkerNames();
  readonly #places = new Map<string, Place>();
  /** Workers that may still come to us, by name. */
  readonly #awaited = new Map<string, () => void>();
  readonly #listening = withResolvers<void>();
  readonly #started: Promise<unknown>;
  /** Told when the process of a worker has ended. */
  onEnded: (process: WorkerProcess) => void = () => undefined;
  /** Told how, where that is known. */
  onLost: (worker: WorkerId, loss: Loss) => void = () => undefined;
  #log: Logger | undefined;
  #coordinator: CoordinatorPlace | undefined;
  #watch: NodeJS.Timeout | undefined;
  #isStopping = false;

  /** Starts the workers of a pool, which get ready while the coordinator does; those that a server before it left are awaited. */
  static start(options: ServerOptions): Supervisor {
    const settings = {
      credentials: options.credentials,
      host: options.host,
      advertise: options.advertise,
      ports: options.workerPorts,
      slots: options.slots,
      tags: options.tags,
      maxTasks: options.maxTasks,
      maxOutputBytes: options.maxOutputBytes,
      maxOpenFiles: options.maxOpenFiles,
      coordinatorTimeoutMs: options.coordinatorTimeoutMs,
      drainTimeoutMs: options.drainTimeoutMs,
      isWaiting: false,
      isDiscoverable: options.announce,
      logDir: options.logDir,
      logLevel: options.logLevel,
      inspect: options.inspect,
      passEnv: options.passEnv,
      permissions: options.permissions,
      moduleFolder: process.cwd(),
      standardServices: options.standardServices,
      maxRssBytes: options.maxRssBytes,
      maxHeapBytes: options.maxHeapBytes,
      functions: options.functions,
      auditLog: options.auditLog,
    };
    const left = options.announce ? orphans(options.ports) : undefined;
    const names = new Set(left?.workers.map(({ worker }) => worker));
    const folders = options.workDir && new WorkFolders(options.workDir, left?.workRoot);
    return new Supervisor(options.workers, settings, folders, options.tagsByWorker, names);
  }

  private constructor(
    count: number,
    settings: SharedSettings,
    folders: WorkFolders | undefined,
    tagsByWorker: ServerOptions['tagsByWorker'],
    awaited: ReadonlySet<string>,
  ) {
    this.#settings = settings;
    this.#folders = folders;
    this.#tagsByWorker = tagsByWorker;
    this.#started = Promise.all(
      Array.from({ length: count }, () => {
        const place = this.#addPlace();
        return awaited.has(place.name) ? this.#await(place) : this.#spawn(place);
      }),
    );
    this.#started.catch(() => undefined); // Whoever waits for them to attach hears of it.
  }

  /** The temporary folder that its workers work in, where they have one. */
  get workRoot(): string | undefined {
    return this.#folders?.isTemporary ? this.#folders.root : undefined;
  }

  /** How many workers there are to be. */
  get wanted(): number {
    return this.#staying.length;
  }

  /** The names of those that are too many where there are to be no more than this. */
  namesFrom(count: number): string[] {
    return this.#staying.slice(count).map(({ name }) => name);
  }

  /** Starts those that are missing. @throws PoolError with the first one's sentence when one cannot start. */
  async growTo(count: number): Promise<void> {
    const missing = Math.max(0, count - this.wanted);
    const places = Array.from({ length: missing }, () => this.#addPlace());
    await Promise.all(places.map((place) => this.#spawn(place)));
  }

  /** From now on the process of this worker, once it has ended, is not replaced. False when it is none of ours. */
  dismiss(name: string): boolean {
    const place = this.#places.get(name);
    if (!place || place.isLeaving) return place !== undefined;
    place.isLeaving = true;
    clearTimeout(place.restart);
    if (!place.child && !place.adopted) this.#removePlace(place);
    return true;
  }

  /** Ends a process at once that is not attached. */
  endCalled(name: string): void {
    const place = this.#places.get(name);
    killGroup(place?.child?.pid ?? place?.adopted?.pid);
  }

  get #staying(): Place[] {
    return [...this.#places.values()]
      .filter(({ isLeaving }) => !isLeaving)
      .sort((a, b) => rankOf(a.name) - rankOf(b.name));
  }

  #addPlace(): Place {
    const place: Place = {
      name: this.names.take(),
      deaths: [],
      child: undefined,
      successor: undefined,
      adopted: undefined,
      restart: undefined,
      isLeaving: false,
    };
    this.#places.set(place.name, place);
    return place;
  }

  #removePlace({ name, successor }: Place): void {
    killGroup(successor?.pid);
    this.#places.delete(name);
    this.names.giveBack(name);
  }

  /**
   * Lets the workers attach; resolves when all have.
   *
   * @throws PoolError with the first one's sentence when one cannot start.
   */
  async attachTo(coordinator: CoordinatorPlace, log: Logger): Promise<void> {
    this.#log = log;
    this.#coordinator = coordinator;
    this.#listening.resolve();
    for (const { child } of this.#places.values()) if (child) order(child, { coordinator });
    await this.#started;
  }

  /** Whether a worker that attached is one of ours. One that nobody supervises any more fills a place that is empty. */
  accepts({ worker, pid }: WorkerProcess): boolean {
    const place = this.#places.get(worker);
    if (!place || place.isLeaving) return false;
    if (place.child) return place.child.pid === pid;
    if (place.adopted) return place.adopted.pid === pid;
    clearTimeout(place.restart);
    const { promise: whenGone, resolve: gone } = withResolvers<void>();
    place.adopted = { pid, gone, whenGone };
    this.#log?.info({ worker, workerPid: pid }, 'worker taken on');
    this.#awaited.get(worker)?.();
    this.#watch ??= setInterval(() => this.#look(), WATCH_MS);
    return true;
  }

  /** A worker that was taken on is gone. */
  parted({ worker, pid }: WorkerProcess): void {
    const place = this.#places.get(worker);
    if (place?.adopted?.pid !== pid) return;
    place.adopted.gone();
    place.adopted = undefined;
    if ([...this.#places.values()].every((other) => !other.adopted)) {
      clearInterval(this.#watch);
      this.#watch = undefined;
    }
    if (!this.#isStopping) this.#replace(place);
  }

  /** Ends one of our workers at once. */
  end({ worker, pid }: WorkerProcess): void {
    const place = this.#places.get(worker);
    if (place?.child?.pid === pid || place?.adopted?.pid === pid) killGroup(pid);
  }

  /** Resolves when every process has ended, those that take longer than `withinMs` by force. */
  async stop(withinMs: number): Promise<void> {
    this.#isStopping = true;
    const timer = setTimeout(() => void this.kill(), withinMs);
    await Promise.all([...this.#places.values()].map((place) => this.#whenGone(place)));
    clearTimeout(timer);
    clearInterval(this.#watch);
    await this.#clearAway();
  }

  /** Ends every process at once; resolves when nothing temporary is left of them. */
  async kill(): Promise<void> {
    this.#isStopping = true;
    for (const { child, successor, adopted } of this.#places.values()) {
      killGroup(child?.pid ?? adopted?.pid);
      killGroup(successor?.pid);
      adopted?.gone();
    }
    await this.#clearAway();
  }

  async #clearAway(): Promise<void> {
    const reason = await this.#folders?.remove();
    if (reason !== undefined) this.#log?.warn({ reason }, 'of the working folders something stays behind');
  }

  /** Of the end of a process that is not its child nobody is told. */
  #look(): void {
    for (const { name, adopted } of this.#places.values())
      if (adopted && !isAlive(adopted.pid)) this.onEnded({ worker: name, pid: adopted.pid });
  }

  async #whenGone({ child, successor, adopted, restart }: Place): Promise<void> {
    clearTimeout(restart);
    // It has nothing to finish.
    killGroup(successor?.pid);
    await adopted?.whenGone;
    for (const process of [child, successor]) {
      if (process?.exitCode !== null || process.signalCode !== null) continue;
      await new Promise((resolve) => process.once('exit', resolve));
    }
  }

  /** One that does not come is started after all. */
  async #await(place: Place): Promise<void> {
    const { promise, resolve } = withResolvers<void>();
    this.#awaited.set(place.name, resolve);
    await Promise.race([promise, this.#listening.promise]);
    const timer = setTimeout(resolve, ADOPTION_MS);
    await promise;
    clearTimeout(timer);
    this.#awaited.delete(place.name);
    if (!place.adopted && !this.#isStopping) await this.#spawn(place);
  }

  /** @throws PoolError `unavailable` with its sentence when it ends before it is attached. */
  #spawn(place: Place): Promise<void> {
    return new Promise((resolve, reject) => {
      place.child = this.#start(place, resolve, reject);
      if (this.#coordinator) order(place.child, { coordinator: this.#coordinator });
    });
  }

  /** Until it is told of the coordinator it waits, ready to attach. */
  #start(place: Place, started: () => void, failed: (reason: PoolError) => void): ChildProcess {
    const tags = this.#tagsByWorker[rankOf(place.name) - 1] ?? this.#settings.tags;
    const settings = { ...this.#settings, tags, folder: this.#folders?.of(place.name) };
    const child = startWorkerProcess({ name: place.name, replaces: undefined }, settings, {
      notice: ({ type }) => {
        if (type === 'started') started();
        else if (type === 'retiring') this.#prepare(place);
      },
      ended: (end) => {
        if (place.successor === child) place.successor = undefined;
        else {
          this.onLost(end.id, explainEnd(place.name, this.#settings.slots, end));
          this.#onEnded(place, child.pid, end);
        }
        if (place.isLeaving) return started(); // Before it had come: nobody wants it any more.
        const why = end.failure ?? `${place.name} ended while starting (${end.signal ?? `code ${end.code}`})`;
        failed(new PoolError('unavailable', why));
      },
    });
    return child;
  }

  /** The process of a worker is about to leave: the next one gets ready meanwhile. */
  #prepare(place: Place): void {
    if (this.#isStopping || place.isLeaving || place.successor) return;
    this.#log?.info({ worker: place.name }, 'retiring; another one gets ready');
    place.successor = this.#start(
      place,
      () => undefined,
      ({ message }) => this.#log?.warn({ reason: message }, 'the next one starts when this one has left'),
    );
  }

  #onEnded(place: Place, pid: number | undefined, { code, signal, failure, left }: ProcessEnd): void {
    place.child = undefined;
    if (pid !== undefined) this.onEnded({ worker: place.name, pid });
    if (this.#isStopping) return;
    const why = { code, signal, failure, left: left?.message };
    const isPlanned = left?.end === 'retired';
    this.#log?.[isPlanned ? 'info' : 'warn'](
      { worker: place.name, workerPid: pid, ...why },
      'worker process ended',
    );
    // Who has left as planned has not died: there is nothing to be careful about.
    if (isPlanned && !place.isLeaving) this.#restart(place);
    else this.#replace(place);
  }

  #replace(place: Place): void {
    if (place.isLeaving) return this.#removePlace(place);
    const now = performance.now();
    place.deaths = recentDeaths([...place.deaths, now], now);
    const delayMs = restartDelayMs(place.deaths, now);
    this.#log?.info({ worker: place.name, delayMs }, 'starting another');
    place.restart = setTimeout(() => this.#restart(place), delayMs);
  }

  #restart(place: Place): void {
    const { successor } = place;
    place.successor = undefined;
    // A start that fails ends in an exit, which is where the next one comes from.
    if (!successor) {
      this.#spawn(place).catch((error: unknown) => {
        this.#log?.error({ error }, 'worker did not start');
        // Without its folder there was no process that could have ended.
        if (error instanceof PoolError && error.code === 'permission-denied') this.#replace(place);
      });
      return;
    }
    place.child = successor;
    if (this.#coordinator) order(successor, { coordinator: this.#coordinator });
  }
}
