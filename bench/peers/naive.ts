import type { ChildProcess } from 'node:child_process';
import { deserialize, serialize } from 'node:v8';
import { type Client, credentials } from '@grpc/grpc-js';
import { atOnce, type Contender } from './contender.js';
import { options, service, startServer } from './grpc.js';
import { give, noOp, pid, spin, take } from './tasks.js';

type Unary = (request: object, done: (error: Error | null, response: never) => void) => void;
type NaiveClient = Client & Record<'acquire' | 'release' | 'run', Unary>;

const ask = <T>(client: NaiveClient, method: 'acquire' | 'release' | 'run', request: object): Promise<T> =>
  new Promise((resolve, reject) => {
    client[method](request, (error, response) => (error ? reject(error) : resolve(response)));
  });

/** Acquire, run, release: three unary calls, to a coordinator and workers in processes of their own. */
export class NaivePool implements Contender {
  readonly #workers: number;
  readonly #children: ChildProcess[] = [];
  readonly #clients = new Map<string, NaiveClient>();
  #coordinator = '';

  constructor(workers = 2) {
    this.#workers = workers;
  }

  get coordinator(): string {
    return this.#coordinator;
  }

  async start(): Promise<void> {
    const workers = await Promise.all(
      Array.from({ length: this.#workers }, () => startServer('naive-server', ['worker'])),
    );
    const coordinator = await startServer('naive-server', [
      'coordinator',
      ...workers.map(({ address }) => address),
    ]);
    this.#children.push(coordinator.child, ...workers.map(({ child }) => child));
    this.#coordinator = coordinator.address;
  }

  /** Uses a pool that runs already. */
  connect(coordinator: string): void {
    this.#coordinator = coordinator;
  }

  noOp = () => this.#run(noOp, []);
  noOps = (count: number) => atOnce(count, () => this.#run(noOp, []));
  spin = (rounds: number) => this.#run(spin, [rounds]);
  take = (array: Float64Array) => this.#run(take, [array]);
  give = (length: number) => this.#run(give, [length]);

  async workerPids(): Promise<number[]> {
    return [...new Set((await atOnce(8, () => this.#run(pid, []))) as number[])];
  }

  stop(): Promise<void> {
    for (const client of this.#clients.values()) client.close();
    for (const child of this.#children) child.kill();
    return Promise.resolve();
  }

  async #run(fn: (...args: never[]) => unknown, args: unknown[]): Promise<unknown> {
    const coordinator = this.#clientOf(this.#coordinator);
    const place = await ask<{ address: string }>(coordinator, 'acquire', {});
    const call = { source: String(fn), arguments: serialize(args) };
    const { value } = await ask<{ value: Buffer }>(this.#clientOf(place.address), 'run', call);
    await ask(coordinator, 'release', place);
    return deserialize(value);
  }

  #clientOf(address: string): NaiveClient {
    let client = this.#clients.get(address);
    if (!client) {
      const Naive = service('naive.proto', 'Naive');
      client = new Naive(address, credentials.createInsecure(), options()) as unknown as NaiveClient;
      this.#clients.set(address, client);
    }
    return client;
  }
}
