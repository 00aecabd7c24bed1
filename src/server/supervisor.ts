import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PoolError } from '../core/errors.js';
import type { Logger } from '../host/logger.js';
import type { ServerOptions } from './options.js';
import { restartDelayMs } from '../core/restart-backoff.js';

/** What a worker is started with: the options of `src/worker/options.ts`, which this side passes on unread. */
export type WorkerSettings = Record<string, unknown>;

/** Where the coordinator listens. */
type CoordinatorAddress = { host: string; port: number };

type Notice = { type: 'started'; port: number } | { type: 'failed'; message: string };

interface Supervised {
  readonly name: string;
  /** When it died, in ms on the monotonic clock: newest last. */
  readonly deaths: number[];
  child: ChildProcess | undefined;
  restart: NodeJS.Timeout | undefined;
}

const ENTRY = fileURLToPath(new URL('../worker/process.js', import.meta.url));

/**
 * Starts the worker processes of one server, replaces those that die, ends them with it.
 *
 * Each is the leader of its own process group: the terminal's Ctrl-C does not reach it, and what its tasks started ends
 * with it.
 */
export class Supervisor {
  readonly #settings: WorkerSettings;
  readonly #workers = new Map<string, Supervised>();
  readonly #started: Promise<unknown>;
  #log: Logger | undefined;
  #coordinator: CoordinatorAddress | undefined;
  #isStopping = false;

  /** Starts the workers of a pool, which get ready while the coordinator does. */
  static start(options: ServerOptions): Supervisor {
    const { token, host, workerPorts, slots, coordinatorTimeoutMs, logDir, standardServices } = options;
    const settings = {
      token,
      host,
      ports: workerPorts,
      slots,
      coordinatorTimeoutMs,
      logDir,
      standardServices,
    };
    return new Supervisor(options.workers, settings);
  }

  private constructor(count: number, settings: WorkerSettings) {
    this.#settings = settings;
    const names = Array.from({ length: count }, (_, index) => `worker-${index + 1}`);
    this.#started = Promise.all(
      names.map((name) => {
        const worker: Supervised = { name, deaths: [], child: undefined, restart: undefined };
        this.#workers.set(name, worker);
        return this.#spawn(worker);
      }),
    );
    this.#started.catch(() => undefined); // Whoever waits for them to attach hears of it.
  }

  /**
   * Lets the workers attach; resolves when all have.
   *
   * @throws PoolError with the first one's sentence when one cannot start.
   */
  async attachTo(coordinator: CoordinatorAddress, log: Logger): Promise<void> {
    this.#log = log;
    this.#coordinator = coordinator;
    for (const { child } of this.#workers.values()) if (child?.connected) child.send({ coordinator });
    await this.#started;
  }

  /** Resolves when every process has ended, those that take longer than `withinMs` by force. */
  async stop(withinMs: number): Promise<void> {
    this.#isStopping = true;
    const timer = setTimeout(() => this.kill(), withinMs);
    await Promise.all([...this.#workers.values()].map((worker) => this.#whenGone(worker)));
    clearTimeout(timer);
  }

  /** Ends every process at once. */
  kill(): void {
    this.#isStopping = true;
    for (const { child } of this.#workers.values()) if (child) killGroup(child);
  }

  async #whenGone({ child, restart }: Supervised): Promise<void> {
    clearTimeout(restart);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise((resolve) => child.once('exit', resolve));
  }

  #spawn(worker: Supervised): Promise<void> {
    const child = fork(ENTRY, {
      // How import() inside a shipped function resolves is experimental in Node 20 (USE_MAIN_CONTEXT_DEFAULT_LOADER).
      execArgv: ['--disable-warning=ExperimentalWarning'],
      detached: true,
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    worker.child = child;
    child.send({ options: { ...this.#settings, name: worker.name } });
    if (this.#coordinator) child.send({ coordinator: this.#coordinator });
    return new Promise((resolve, reject) => {
      let failure: string | undefined;
      child.on('message', (notice: Notice) => {
        if (notice.type === 'started') resolve();
        else failure = notice.message;
      });
      child.on('error', (error) => (failure ??= error.message));
      child.on('exit', (code, signal) => {
        killGroup(child);
        this.#onExit(worker, { pid: child.pid, code, signal, failure });
        reject(
          new PoolError(
            'unavailable',
            failure ?? `${worker.name} ended while starting (${signal ?? `code ${code}`})`,
          ),
        );
      });
    });
  }

  #onExit(
    worker: Supervised,
    end: {
      pid: number | undefined;
      code: number | null;
      signal: string | null;
      failure?: string | undefined;
    },
  ): void {
    if (this.#isStopping) return;
    const now = performance.now();
    worker.deaths.push(now);
    const delayMs = restartDelayMs(worker.deaths, now);
    const { pid: workerPid, ...how } = end;
    this.#log?.warn(
      { worker: worker.name, workerPid, ...how, delayMs },
      'worker process ended; starting another',
    );
    worker.restart = setTimeout(() => {
      // A start that fails ends in an exit, which is where the next one comes from.
      this.#spawn(worker).catch((error: unknown) => this.#log?.error({ error }, 'worker did not start'));
    }, delayMs);
  }
}

/** Ends a worker with whatever its tasks started. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
