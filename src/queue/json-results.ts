import { LRUCache } from 'lru-cache';
import type { DirectExecutor } from '../client/direct/direct-executor.js';
import { UndecodedFailure } from '../client/outcome.js';
import { PoolError } from '../core/errors.js';
import { idOf } from '../wire/functions/function-id.js';
import { IDENTITY_SOURCE } from '../wire/functions/named.js';
import type { TaskOutcomes__Output } from '../wire/generated/offhand/v1/TaskOutcomes.js';
import type { Payload } from '../wire/values/payload.js';
import { payloadFrom } from '../wire/values/payload.js';

const IDENTITY = { id: idOf(IDENTITY_SOURCE), source: IDENTITY_SOURCE, name: '', parts: [], preview: '' };

/** How long a worker is waited for, in ms. Whoever reads a result does not wait behind hours of work. */
const WORKER_LIMIT_MS = 10_000;
const PRIORITY = 100;

/** What is kept of it, in bytes: whoever reads a result once most likely reads it again. */
const KEPT_BYTES = 16 * 1024 * 1024;

/** Results as JSON. Those that are not have a worker write them anew: nothing is decoded in the coordinator's process. */
export class JsonResults {
  readonly #executor: DirectExecutor;
  readonly #kept = new LRUCache<string, Payload>({
    maxSize: KEPT_BYTES,
    sizeCalculation: ({ data }) => data.length + 1,
  });

  constructor(executor: DirectExecutor) {
    this.#executor = executor;
  }

  /**
   * @param key of this outcome and no other.
   * @throws PoolError `not-cloneable` naming what JSON cannot carry, `unavailable` when no worker is free for it
   */
  async of(key: string, result: Payload): Promise<Payload> {
    if (result.encoding === 'JSON') return result;
    const known = this.#kept.get(key);
    if (known) return known;
    const written = await this.#write(result);
    this.#kept.set(key, written);
    return written;
  }

  #write(result: Payload): Promise<Payload> {
    const call = {
      fn: IDENTITY,
      args: { encoding: 'JSON' as const, data: Buffer.from('[null]') },
      name: 'result as JSON',
      options: { priority: PRIORITY, queueTimeoutMs: WORKER_LIMIT_MS },
      inserts: [{ index: 0, value: result }],
      isOpaque: true,
    };
    return new Promise((resolve, reject) => {
      this.#executor.startShipped(call, (isOk, value) => {
        if (!isOk) return reject(reasonFrom(value));
        try {
          resolve(payloadFrom((value as TaskOutcomes__Output).results, 'results'));
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}

function reasonFrom(reason: unknown): unknown {
  const isWords = reason instanceof UndecodedFailure || !(reason instanceof PoolError);
  if (isWords || reason.code === 'not-cloneable') return reason;
  return new PoolError('unavailable', `no worker was free to write the result as JSON: ${reason.message}`, {
    cause: reason,
  });
}
