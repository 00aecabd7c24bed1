import { randomUUID } from 'node:crypto';
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PoolError } from '../core/errors.js';
import { explainEnd, type Loss } from '../core/process-end.js';
import { recentDeaths, restartDelayMs } from '../core/restart-backoff.js';
import { type WorkerId, workerId } from '../core/ids.js';
import { withResolvers } from '../core/with-resolvers.js';
import type { Logger } from '../host/logger.js';
import { isAlive, type WorkerProcess } from '../host/pool-files.js';
import type {
  CoordinatorPlace,
  ServerOptions,
  WorkerNotice,
  WorkerOptions,
  WorkerOrder,
} from '../wire/process-messages.js';

/** What all workers of a pool are started with. */
type WorkerSettings = Omit<WorkerOptions, 'name' | 'id'>;

/** The place of one worker: the process that fills it now, if one does. */
interface Place {
  readonly name: string;
  /** When its processes died lately, in ms on the monotonic clock: newest last. */
  deaths: readonly number[];
  child: ChildProcess | undefined;
  /** A process that another server, which is gone, has started. */
  adopted: { pid: number; gone: () => void; whenGone: Promise<void> } | undefined;
  restart: NodeJS.Timeout | undefined;
}

const ENTRY = fileURLToPath(new URL('../worker/process.js', import.meta.url));

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
 *
 * Each is the leader of its own process group: the terminal's Ctrl-C does not reach it, and what its tasks started ends
 * with it.
 */
export class Supervisor {
  readonly #settings: WorkerSettings;
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

  /** Starts the workers of a pool, which get ready while the coordinator does; those that are awaited are not started. */
  static start(options: ServerOptions, awaited: readonly WorkerProcess[] = []): Supervisor {
    const settings = {
      credentials: options.credentials,
      host: options.host,
      advertise: options.advertise,
      ports: options.workerPorts,
      slots: options.slots,
      tags: options.tags,
      coordinatorTimeoutMs: options.coordinatorTimeoutMs,
      logDir: options.logDir,
      logLevel: options.logLevel,
      standardServices: options.standardServices,
      maxRssBytes: options.maxRssBytes,
      maxHeapBytes: options.maxHeapBytes,
    };
    return new Supervisor(options.workers, settings, new Set(awaited.map(({ worker }) => worker)));
  }

  private constructor(count: number, settings: WorkerSettings, awaited: ReadonlySet<string>) {
    this.#settings = settings;
    const names = Array.from({ length: count }, (_, index) => `worker-${index + 1}`);
    this.#started = Promise.all(
      names.map((name) => {
        const place: Place = {
          name,
          deaths: [],
          child: undefined,
          adopted: undefined,
          restart: undefined,
        };
        this.#places.set(name, place);
        return awaited.has(name) ? this.#await(place) : this.#spawn(place);
      }),
    );
    this.#started.catch(() => undefined); // Whoever waits for them to attach hears of it.
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
    for (const { child } of this.#places.values()) if (child?.connected) order(child, { coordinator });
    await this.#started;
  }

  /** Whether a worker that attached is one of ours. One that nobody supervises any more fills a place that is empty. */
  accepts({ worker, pid }: WorkerProcess): boolean {
    const place = this.#places.get(worker);
    if (!place) return false;
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
    const timer = setTimeout(() => this.kill(), withinMs);
    await Promise.all([...this.#places.values()].map((place) => this.#whenGone(place)));
    clearTimeout(timer);
    clearInterval(this.#watch);
  }

  /** Ends every process at once. */
  kill(): void {
    this.#isStopping = true;
    for (const { child, adopted } of this.#places.values()) {
      killGroup(child?.pid ?? adopted?.pid);
      adopted?.gone();
    }
  }

  /** Of the end of a process that is not its child nobody is told. */
  #look(): void {
    for (const { name, adopted } of this.#places.values())
      if (adopted && !isAlive(adopted.pid)) this.onEnded({ worker: name, pid: adopted.pid });
  }

  async #whenGone({ child, adopted, restart }: Place): Promise<void> {
    clearTimeout(restart);
    await adopted?.whenGone;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise((resolve) => child.once('exit', resolve));
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

  #spawn(place: Place): Promise<void> {
    const child = fork(ENTRY, {
      // How import() inside a shipped function resolves is experimental in Node 20 (USE_MAIN_CONTEXT_DEFAULT_LOADER).
      execArgv: ['--disable-warning=ExperimentalWarning'],
      detached: true,
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    place.child = child;
    const id = workerId(randomUUID().replaceAll('-', ''));
    order(child, { options: { ...this.#settings, name: place.name, id } });
    if (this.#coordinator) order(child, { coordinator: this.#coordinator });
    return new Promise((resolve, reject) => {
      let failure: string | undefined;
      child.on('message', (notice: WorkerNotice) => {
        if (notice.type === 'started') resolve();
        else failure = notice.message;
      });
      const onExit = (code: number | null, signal: string | null) => {
        killGroup(child.pid);
        this.onLost(id, explainEnd(place.name, this.#settings.slots, { code, signal }));
        this.#onExit(place, child, { code, signal, failure });
        const why = failure ?? `${place.name} ended while starting (${signal ?? `code ${code}`})`;
        reject(new PoolError('unavailable', why));
      };
      child.on('exit', onExit);
      child.on('error', (error) => {
        failure ??= error.message;
        if (child.pid === undefined) onExit(null, null); // It never began.
      });
    });
  }

  #onExit(
    place: Place,
    { pid }: ChildProcess,
    how: { code: number | null; signal: string | null; failure: string | undefined },
  ): void {
    place.child = undefined;
    if (pid !== undefined) this.onEnded({ worker: place.name, pid });
    if (this.#isStopping) return;
    this.#log?.warn({ worker: place.name, workerPid: pid, ...how }, 'worker process ended');
    this.#replace(place);
  }

  #replace(place: Place): void {
    const now = performance.now();
    place.deaths = recentDeaths([...place.deaths, now], now);
    const delayMs = restartDelayMs(place.deaths, now);
    this.#log?.info({ worker: place.name, delayMs }, 'starting another');
    place.restart = setTimeout(() => {
      // A start that fails ends in an exit, which is where the next one comes from.
      this.#spawn(place).catch((error: unknown) => this.#log?.error({ error }, 'worker did not start'));
    }, delayMs);
  }
}

function order(child: ChildProcess, message: WorkerOrder): void {
  child.send(message);
}

/** Ends a worker with whatever its tasks started. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
