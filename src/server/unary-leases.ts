import { PoolError } from '../core/errors.js';
import type { ClientId } from '../core/ids.js';
import type { LeaseKey } from '../core/scheduler/lease.js';
import { reasonInWords } from '../core/scheduler/reason.js';
import { tagSet } from '../core/tags.js';
import { checkExpected, checkPriority } from '../core/wishes.js';
import type { FindFreeWorkerRequest__Output } from '../wire/generated/offhand/v1/FindFreeWorkerRequest.js';
import type { FindFreeWorkerResponse } from '../wire/generated/offhand/v1/FindFreeWorkerResponse.js';
import type { Coordinator } from './coordinator.js';

/** Leases one at a time, for callers in any language: FindFreeWorker and FreeWorker. */
export class UnaryLeases {
  readonly #coordinator: Coordinator;
  /** By the client and its name for a request: how to take it back while it waits. */
  readonly #waiting = new Map<string, () => void>();
  /** By the same: the lease it was granted, while that lives. */
  readonly #granted = new Map<string, LeaseKey>();

  constructor(coordinator: Coordinator) {
    this.#coordinator = coordinator;
  }

  /** Waits until a worker is free. @throws PoolError `cancelled` when the signal says so, `unavailable` when the pool stops, `invalid-argument`. */
  find(
    client: ClientId,
    request: FindFreeWorkerRequest__Output,
    signal: AbortSignal,
  ): Promise<FindFreeWorkerResponse> {
    const { requestId: name, priority, function: fn, expectedMs, waitForFit } = request;
    const needs = tagSet(request.requires, 'requires');
    checkPriority(priority, 'priority');
    checkExpected(expectedMs, 'expected_ms');
    if (signal.aborted) return Promise.reject(wentAway());
    const key = grantKey(client, name);
    return new Promise((resolve, reject) => {
      let isWaiting = true;
      const served = () => {
        isWaiting = false;
        signal.removeEventListener('abort', leave);
        this.#waiting.delete(key);
      };
      const leave = () => {
        served();
        this.#coordinator.withdraw(waiting);
        reject(wentAway());
      };
      const waiting = this.#coordinator.requestLease(
        { client, bySession: false, priority, needs, fn: fn || undefined, expectedMs },
        {
          granted: ({ key: lease, token, worker, reason }) => {
            served();
            if (name) this.#granted.set(key, lease);
            const { worker: workerName, host, port } = worker.info;
            const why = reason ? reasonInWords(reason, (id) => this.#coordinator.members.nameById(id)) : '';
            resolve({ leaseId: token, workerId: worker.id, worker: workerName, host, port, reason: why });
          },
          refused: (reason) => {
            served();
            reject(reason);
          },
          ending: () => undefined,
          over: () => this.#granted.delete(key),
          lost: () => this.#granted.delete(key),
        },
        { waitForFit },
      );
      // The lease may be there already, or there was no room in line, which has thrown.
      if (!isWaiting) return;
      signal.addEventListener('abort', leave, { once: true });
      if (name) this.#waiting.set(key, leave);
    });
  }

  /** Ends a lease, as often as one likes. @throws PoolError `invalid-argument`, `not-found` */
  free(leaseId: string): void {
    if (!leaseId)
      throw new PoolError('invalid-argument', 'lease_id: expected a lease from FindFreeWorker, got none');
    const lease = this.#coordinator.read(leaseId);
    if (!lease) throw new PoolError('not-found', 'lease_id: this pool never granted such a lease');
    this.#release(lease);
  }

  /** Takes a request back whose caller has cancelled it: out of the line, or with the lease it was granted. */
  freeRequest(client: ClientId, name: string): void {
    const key = grantKey(client, name);
    const lease = this.#granted.get(key);
    if (lease) this.#release(lease);
    else this.#waiting.get(key)?.();
  }

  #release(lease: LeaseKey): void {
    this.#coordinator.release(lease, { letFinish: false });
  }
}

function grantKey(client: ClientId, name: string): string {
  return `${client} ${name}`;
}

function wentAway(): PoolError {
  return new PoolError('cancelled', 'the caller went away');
}
