import { PoolError } from '../core/errors.js';
import { Heap } from '../core/heap.js';
import { once } from '../core/once.js';
import { type Address, formatAddress } from '../wire/address.js';
import type { CoordinatorLink, Lease } from './coordinator-link.js';
import { DirectTask } from './direct-task.js';
import type { Call, Executor } from './executor.js';
import { resultOf } from './outcome.js';
import { WorkerLink } from './worker-link.js';

/** Requests for a lease under way at once: one client's backlog is its own, and need not stand in the coordinator's line. */
const MAX_LEASE_REQUESTS = 32;

/** Direct calls: gets leases from the coordinator and runs its tasks under them, straight on the workers. */
export class DirectExecutor implements Executor {
  readonly slots: number;
  readonly #coordinator: CoordinatorLink;
  readonly #token: string | undefined;
  readonly #onClose: () => Promise<void>;
  readonly #workers = new Map<string, WorkerLink>();
  /** Tasks that wait for a lease, oldest first. */
  readonly #line = new Heap<DirectTask>((a, b) => a.order < b.order);
  readonly #requests = new Set<AbortController>();
  readonly #tasks = new Set<DirectTask>();
  /** Each from the request for a lease to its return. */
  readonly #serving = new Set<Promise<void>>();
  #order = 0;
  #isClosed = false;

  constructor(
    coordinator: CoordinatorLink,
    token: string | undefined,
    slots: number,
    onClose: () => Promise<void> = () => Promise.resolve(),
  ) {
    this.#coordinator = coordinator;
    this.#token = token;
    this.slots = slots;
    this.#onClose = onClose;
  }

  async run(call: Call): Promise<unknown> {
    if (this.#isClosed) throw closed(false);
    const task = new DirectTask(call, this.#order++);
    this.#tasks.add(task);
    if (task.isWaiting) this.#line.push(task);
    this.#matchRequests();
    try {
      return await task.result;
    } finally {
      this.#tasks.delete(task);
      this.#line.remove(task);
      this.#matchRequests();
    }
  }

  readonly close = once(async () => {
    this.#isClosed = true;
    for (const task of this.#tasks) task.fail(closed(!task.isWaiting));
    for (const request of this.#requests) request.abort();
    // A lease that is not given back keeps its slot from others until it expires.
    await Promise.all(this.#serving);
    for (const worker of this.#workers.values()) worker.close();
    this.#coordinator.close();
    await this.#onClose();
  });

  /** As many requests as tasks that wait, within the limit. */
  #matchRequests(): void {
    const wanted = Math.min(this.#line.size, MAX_LEASE_REQUESTS);
    while (this.#requests.size < wanted && !this.#isClosed) {
      const serving: Promise<void> = this.#serveOne().finally(() => this.#serving.delete(serving));
      this.#serving.add(serving);
    }
    for (const request of this.#requests) {
      if (this.#requests.size <= wanted) break;
      this.#requests.delete(request);
      request.abort();
    }
  }

  /** Waits for one lease, runs the task that is first by then, gives the lease back. */
  async #serveOne(): Promise<void> {
    const request = new AbortController();
    this.#requests.add(request);
    let lease: Lease;
    try {
      lease = await this.#coordinator.findFreeWorker(request.signal);
    } catch (error) {
      // A request that was not taken back stands for the task that is first.
      if (this.#requests.delete(request)) this.#line.pop()?.fail(error);
      return;
    }
    this.#requests.delete(request);
    const task = this.#line.pop();
    if (task) await this.#execute(task, lease);
    // Losing this call loses nothing: a lease that nobody uses ends by itself.
    await this.#coordinator.freeWorker(lease).catch(() => undefined);
  }

  async #execute(task: DirectTask, lease: Lease): Promise<void> {
    task.begin();
    this.#matchRequests();
    const { leaseId, workerId } = lease;
    const limits = task.timeoutMs === undefined ? null : { timeoutMs: task.timeoutMs };
    const args = {
      ...task.args,
      data: Buffer.from(task.args.data.buffer, task.args.data.byteOffset, task.args.data.byteLength),
    };
    const request = { leaseId, arguments: args, limits, taskId: task.id, name: task.name };
    try {
      task.succeed(resultOf(await this.#workerOf(lease).runCode(workerId, task.fn, request, task.signal)));
    } catch (error) {
      task.fail(error);
    }
  }

  #workerOf(address: Address): WorkerLink {
    const key = formatAddress(address);
    let worker = this.#workers.get(key);
    if (!worker) {
      worker = new WorkerLink(address, this.#token);
      this.#workers.set(key, worker);
    }
    return worker;
  }
}

function closed(mayHaveRun: boolean): PoolError {
  return new PoolError('closed', 'this pool is closed', { mayHaveRun });
}
