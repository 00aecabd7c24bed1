// The same tasks as in bench/queue.ts on BullMQ, with a Redis of its own on loopback that keeps everything in memory.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Queue, QueueEvents } from 'bullmq';
import { Redis } from 'ioredis';
import { randomPorts } from '../test/support/server.js';

const REDIS = '/usr/bin/redis-server';
const WORKERS = 2;
const NAME = 'bench';

export const hasRedis = existsSync(REDIS);

/** What it takes to submit tasks, and to have their results. */
export class BullMq {
  readonly #processes: ChildProcess[];
  readonly #connections: [Redis, Redis];
  readonly #queue: Queue;
  readonly #events: QueueEvents;

  private constructor(processes: ChildProcess[], port: number) {
    const connect = () => new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null });
    this.#processes = processes;
    this.#connections = [connect(), connect()];
    const [forQueue, forEvents] = this.#connections;
    this.#queue = new Queue(NAME, { connection: forQueue });
    this.#events = new QueueEvents(NAME, { connection: forEvents });
    // One for each task whose result is awaited.
    this.#events.setMaxListeners(0);
  }

  static async start(dir: string): Promise<BullMq> {
    const port = Number(randomPorts().port);
    const flags = [
      '--port',
      `${port}`,
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      dir,
    ];
    const redis = spawn(REDIS, flags, { stdio: 'ignore' });
    await untilItListens(port);
    const worker = fileURLToPath(new URL('../../bench/bullmq-worker.mjs', import.meta.url));
    const workers = Array.from({ length: WORKERS }, () => fork(worker, [NAME, `${port}`]));
    const areReady = await Promise.all(
      workers.map((child) =>
        Promise.race([once(child, 'message').then(() => true), once(child, 'exit').then(() => false)]),
      ),
    );
    if (areReady.includes(false)) throw new Error('a worker of BullMQ did not start');
    const bull = new BullMq([...workers, redis], port);
    await bull.#events.waitUntilReady();
    return bull;
  }

  async inBulk(count: number): Promise<{ submitMs: number; allMs: number }> {
    const results = new Promise<void>((resolve) => {
      let left = count;
      const onCompleted = () => {
        if (--left > 0) return;
        this.#events.off('completed', onCompleted);
        resolve();
      };
      this.#events.on('completed', onCompleted);
    });
    const startedAt = performance.now();
    for (let first = 0; first < count; first += 1_000) {
      const portion = Math.min(1_000, count - first);
      await this.#queue.addBulk(
        Array.from({ length: portion }, (_, n) => ({ name: 'noop', data: first + n })),
      );
    }
    const submitMs = performance.now() - startedAt;
    await results;
    return { submitMs, allMs: performance.now() - startedAt };
  }

  async roundTrip(n: number): Promise<void> {
    const job = await this.#queue.add('noop', n);
    await job.waitUntilFinished(this.#events);
  }

  async stop(): Promise<void> {
    await this.#queue.close();
    await this.#events.close();
    for (const connection of this.#connections) connection.disconnect();
    for (const child of this.#processes) {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    }
  }
}

async function untilItListens(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const isThere = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isThere) return;
    await delay(50);
  }
}
