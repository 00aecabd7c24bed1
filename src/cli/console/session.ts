import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { connectPool } from '../../client/connect.js';
import { CoordinatorLink } from '../../client/coordinator-link.js';
import type { Pool } from '../../client/pool.js';
import { launchPool } from '../../client/start-pool.js';
import type { TaskDetails } from '../../client/submitted/task-details.js';
import type { TaskHandle } from '../../client/submitted/task-handle.js';
import { assertNever } from '../../core/assert-never.js';
import { messageOf, PoolError } from '../../core/errors.js';
import type { PolicyName } from '../../core/scheduler/placement.js';
import { type Address, formatAddress } from '../../wire/address.js';
import type { Credentials } from '../../wire/credentials.js';
import type { PoolStatus } from '../../wire/status-document.js';
import { statusTable } from '../status.js';
import { counted } from '../table.js';
import { type ConsoleCommand, HELP, nameOf, type Work } from './commands.js';
import { type KnownTask, pictureOf } from './picture.js';
import type { Screen } from './screen.js';

/** A pool of the console's own, or one that runs already. */
export type Where =
  | { kind: 'own'; workers: number; policy: PolicyName }
  | { kind: 'joined'; address: Address; credentials: Credentials };

interface Connection {
  address: Address;
  coordinator: CoordinatorLink;
  pool: Pool;
}

interface OwnTask extends KnownTask {
  handle: TaskHandle<unknown>;
  /** Settles when it has ended and that was said; never rejects. */
  over: Promise<void>;
  isOver: boolean;
  /** It was said where it went. */
  isPlaced: boolean;
}

const POLL_MS = 500;
/** How often it is asked where a task went that was given out. */
const PLACE_MS = 200;
/** Without a terminal. */
const LINE_MS = 1_000;

/** Carries out what is typed, and tells what becomes of it. */
export class ConsoleSession {
  readonly #screen: Screen;
  readonly #isTerminal: boolean;
  readonly #tasks = new Map<string, OwnTask>();
  readonly #connection: Connection;
  #priority = 0;
  #watching: NodeJS.Timeout | undefined;
  /** A picture is on its way. */
  #isLooking = false;
  #workers: string[] = [];

  private constructor(connection: Connection, screen: Screen, isTerminal: boolean) {
    this.#connection = connection;
    this.#screen = screen;
    this.#isTerminal = isTerminal;
  }

  /** @throws PoolError when the pool cannot be reached, or started */
  static async open(where: Where, screen: Screen, isTerminal: boolean): Promise<ConsoleSession> {
    const session = new ConsoleSession(await connectTo(where), screen, isTerminal);
    const { workers } = await session.#status();
    const what = where.kind === 'own' ? `a pool of its own, ${where.policy}` : 'the pool';
    screen.say(
      `${counted(workers.length, 'worker')}: ${what}, at ${formatAddress(session.#connection.address)}; help lists the commands`,
    );
    return session;
  }

  /** Names of workers, for completion. */
  get workers(): readonly string[] {
    return this.#workers;
  }

  /** @returns whether the console goes on. @throws PoolError whose message says it all */
  async execute(command: ConsoleCommand): Promise<boolean> {
    const { coordinator } = this.#connection;
    switch (command.kind) {
      case 'nothing':
        return true;
      case 'add':
        for (let n = 0; n < command.count; n++)
          await this.#add(command.work, command.priority ?? this.#priority);
        return true;
      case 'priority':
        this.#priority = command.priority;
        this.#screen.say(`priority ${command.priority} from now on`);
        return true;
      case 'cancel':
        await this.#numbered(command.task).handle.cancel();
        return true;
      case 'scale':
        this.#screen.say(`${counted(await coordinator.scale(command.workers), 'worker')} from now on`);
        return true;
      case 'drain':
        await this.#checkWorker(command.worker);
        // It may take as long as the task that runs there.
        coordinator.drain(command.worker).then(
          () => this.#screen.say(`${command.worker} is gone`),
          (error: unknown) => this.#screen.say(messageOf(error)),
        );
        this.#screen.say(`${command.worker} takes no new tasks`);
        return true;
      case 'policy':
        await this.#choosePolicy(command.policy);
        return true;
      case 'status':
        this.#screen.say(statusTable(await this.#status()));
        return true;
      case 'watch':
        this.watch(this.#watching === undefined);
        return true;
      case 'wait':
        await Promise.all([...this.#tasks.values()].map(({ over }) => over));
        return true;
      case 'help':
        this.#screen.say(HELP);
        return true;
      case 'quit':
        return false;
      default:
        return assertNever(command);
    }
  }

  async #checkWorker(name: string): Promise<void> {
    const names = (await this.#status()).workers.map(({ worker }) => worker);
    if (names.includes(name)) return;
    throw new PoolError('not-found', `drain: there is no worker ${name}; there are ${names.join(', ')}`);
  }

  watch(isOn: boolean): void {
    clearInterval(this.#watching);
    this.#watching = undefined;
    if (!isOn) return this.#screen.hide();
    void this.#look();
    this.#watching = setInterval(() => void this.#look(), this.#isTerminal ? POLL_MS : LINE_MS);
  }

  /** Tasks of a pool of its own end with it; others go on. */
  async close(): Promise<void> {
    this.watch(false);
    await disconnect(this.#connection);
  }

  async #add(work: Work, priority: number): Promise<void> {
    const { pool } = this.#connection;
    const number = this.#tasks.size + 1;
    const name = nameOf(work);
    const expectedMs = work.kind === 'wait' ? work.ms : undefined;
    const options = {
      name,
      ...(priority !== 0 && { priority }),
      ...(expectedMs !== undefined && { expectedMs }),
    };
    const handle: TaskHandle<unknown> =
      work.kind === 'wait'
        ? await pool.submit(
            (ms: number) => new Promise<void>((end) => setTimeout(end, ms)),
            [work.ms],
            options,
          )
        : await pool.submit(countPrimes, [work.below], options);
    const task: OwnTask = {
      number,
      name,
      ms: expectedMs,
      handle,
      isOver: false,
      isPlaced: false,
      over: Promise.resolve(),
    };
    this.#tasks.set(handle.id, task);
    this.#screen.say(`#${number} ${name} is in the queue`);
    task.over = this.#follow(task);
  }

  async #follow(task: OwnTask): Promise<void> {
    const { number, name, handle } = task;
    const title = `#${number} ${name}`;
    try {
      for await (const event of handle) {
        if (event.type !== 'state' || event.state === 'pending') continue;
        if (event.state === 'running') {
          void this.#tellPlace(task).catch(() => undefined); // Its end says what is wrong.
          continue;
        }
        task.isOver = true;
        await this.#tellPlace(task);
        const { failure } = await handle.details();
        const result: unknown = event.state === 'succeeded' ? await handle.result() : undefined;
        const why = failure && event.state === 'failed' ? `${failure.code}: ${failure.message}` : undefined;
        const more = why ?? (typeof result === 'number' ? String(result) : undefined);
        this.#screen.say(`${title} ${event.state}${more === undefined ? '' : `: ${more}`}`);
      }
    } catch (error) {
      // The pool has gone, with the task or without it.
      if (!(error instanceof PoolError && error.code === 'closed'))
        this.#screen.say(`${title}: ${messageOf(error)}`);
    } finally {
      task.isOver = true;
    }
  }

  /** A task counts as running from when it is given out; which worker it gets may be open for longer. */
  async #tellPlace(task: OwnTask): Promise<void> {
    for (;;) {
      const { worker, reason } = await this.#placeOf(task.handle);
      if (task.isPlaced) return;
      if (worker !== undefined) {
        task.isPlaced = true;
        const why = reason === undefined ? '' : `: ${reason}`;
        this.#screen.say(`#${task.number} ${task.name} went to ${worker}${why}`);
        return;
      }
      if (task.isOver) return;
      await delay(PLACE_MS);
    }
  }

  /** Nothing is decided, and so explained, for a task that goes into a slot which the queue has already; there it is all the same. */
  async #placeOf(handle: TaskHandle<unknown>): Promise<{ worker?: string; reason?: string }> {
    const { worker, reason } = await handle.explain();
    if (worker !== undefined) return { worker, ...(reason !== undefined && { reason }) };
    const { workers } = await this.#status();
    const found = workers.find(({ tasks }) => tasks.some((task) => task.task_id === handle.id));
    return found ? { worker: found.worker, reason: 'the queue had its slot already' } : {};
  }

  #numbered(number: string): OwnTask {
    const found = [...this.#tasks.values()].find((task) => task.number === Number(number));
    if (found) return found;
    throw new PoolError(
      'not-found',
      `there is no task ${number}; this console has added ${this.#tasks.size}`,
    );
  }

  /** Asks for it, or chooses another. */
  async #choosePolicy(policy: PolicyName | undefined): Promise<void> {
    const { coordinator } = this.#connection;
    if (policy === undefined) return this.#screen.say((await coordinator.status()).policy);
    await coordinator.setPolicy(policy);
    this.#screen.say(`${policy} from now on`);
  }

  async #status(): Promise<PoolStatus> {
    const status = await this.#connection.coordinator.status();
    this.#workers = status.workers.map(({ worker }) => worker);
    return status;
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const listed: TaskDetails[] = [];
      for await (const task of this.#connection.pool.tasks({ state: ['pending', 'running'] }))
        listed.push(task);
      const status = await this.#status();
      const waiting = inOrder(listed, status);
      if (this.#watching) this.#screen.show(pictureOf({ status, ageMs: 0, waiting, known: this.#tasks }));
    } catch (error) {
      if (this.#watching) this.#screen.show([messageOf(error)]);
    } finally {
      this.#isLooking = false;
    }
  }
}

/** Those that no worker has, as they will begin: what was given out already, then by priority. */
function inOrder(listed: readonly TaskDetails[], { workers }: PoolStatus): TaskDetails[] {
  const placed = new Set(workers.flatMap(({ tasks }) => tasks.map((task) => task.task_id)));
  const isGiven = (task: TaskDetails) => Number(task.state === 'running');
  return listed
    .filter(({ id }) => !placed.has(id))
    .reverse() // They are listed newest first.
    .sort((a, b) => b.priority - a.priority || isGiven(b) - isGiven(a));
}

async function connectTo(where: Where): Promise<Connection> {
  const { address, credentials, stop } =
    where.kind === 'own'
      ? await launchPool({ workers: where.workers, policy: where.policy })
      : { ...where, stop: undefined };
  const coordinator = new CoordinatorLink(address, credentials, randomUUID());
  try {
    await coordinator.handshake();
    const pool = await connectPool(address, credentials, { reconnectMs: 0, ...(stop && { onClose: stop }) });
    return { address, coordinator, pool };
  } catch (error) {
    coordinator.close();
    await stop?.();
    throw error;
  }
}

async function disconnect({ coordinator, pool }: Connection): Promise<void> {
  coordinator.close();
  await pool.close();
}

function countPrimes(below: number): number {
  const primes: number[] = [];
  for (let n = 2; n < below; n++) if (isPrime(n)) primes.push(n);
  return primes.length;

  function isPrime(n: number): boolean {
    for (const prime of primes) {
      if (prime * prime > n) return true;
      if (n % prime === 0) return false;
    }
    return true;
  }
}
