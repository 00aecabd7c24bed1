import { describe, expect, test } from '@jest/globals';
import { clientId, requestId } from '../../src/core/ids.js';
import { type LeaseKey, SLICE_MS } from '../../src/core/scheduler/lease.js';
import { Scheduler, type SchedulerCommand, type SchedulerEvent } from '../../src/core/scheduler/scheduler.js';
import { seeded } from './seeded.js';
import {
  after,
  attached,
  end,
  ended,
  idleFor,
  lease,
  requested,
  released,
  timePassed,
  withdrawn,
} from './story.js';

const asked = (request: number, client: string): SchedulerEvent => ({
  type: 'lease-requested',
  request: requestId(request),
  wish: { client: clientId(client), bySession: true },
});
const givenBack = (key: LeaseKey): SchedulerEvent => ({
  type: 'lease-released',
  lease: key,
  letFinish: true,
});
const granted = (request: number, key: LeaseKey): SchedulerCommand => ({
  type: 'grant-lease',
  request: requestId(request),
  lease: key,
  ttlMs: 0,
});
const revoke = (key: LeaseKey) => end(key, false);

describe("a session's lease", () => {
  test('does not run out, used or not', () => {
    const scheduler = after(attached('w'), asked(1, 'a'));
    expect(scheduler.nextTimeAt).toBeUndefined();
    expect(scheduler.handle(idleFor(60_000, lease('w', 1)), 60_000)).toEqual([]);
    expect(scheduler.handle(timePassed, 1e9)).toEqual([]);
  });

  test('ends politely when it is given back, and is granted again when nothing runs', () => {
    const scheduler = after(attached('w'), asked(1, 'a'));
    expect(scheduler.handle(givenBack(lease('w', 1)), 1)).toEqual([end(lease('w', 1), false)]);
    expect(scheduler.handle(asked(2, 'b'), 2)).toEqual([]);
    expect(scheduler.handle(ended(lease('w', 1)), 3)).toEqual([granted(2, lease('w', 2))]);
  });

  test('that was let finish is stopped after all when its holder goes away', () => {
    const scheduler = after(attached('w'), asked(1, 'a'), givenBack(lease('w', 1)));
    expect(scheduler.handle(released(lease('w', 1)), 1)).toEqual([end(lease('w', 1), true)]);
    expect(scheduler.handle(released(lease('w', 1)), 2)).toEqual([]);
  });
});

describe('while somebody waits', () => {
  const four = ['w1', 'w2', 'w3', 'w4'].map((name, rank) => attached(name, rank));
  const allOfA = [1, 2, 3, 4].map((n) => asked(n, 'a'));

  test('a client that holds all slots is at once asked for as many as make it even', () => {
    const scheduler = after(...four, ...allOfA);
    expect([5, 6, 7, 8].flatMap((n) => scheduler.handle(asked(n, 'b'), 10))).toEqual([
      revoke(lease('w1', 1)),
      revoke(lease('w2', 2)),
    ]);
    expect(scheduler.handle(ended(lease('w1', 1)), 11)).toEqual([granted(5, lease('w1', 5))]);
    expect(scheduler.handle(ended(lease('w2', 2)), 11)).toEqual([granted(6, lease('w2', 6))]);
    expect(scheduler.handle(timePassed, 12)).toEqual([]);
  });

  test('no more slots are asked for than are waited for', () => {
    const scheduler = after(...four, ...allOfA);
    expect(scheduler.handle(asked(5, 'b'), 0)).toEqual([revoke(lease('w1', 1))]);
    expect(scheduler.handle(timePassed, 10_000)).toEqual([]);
  });

  test('of equals the one that has held a slot is asked when it is a slice ahead', () => {
    const scheduler = after(attached('w'), asked(1, 'a'));
    // What was used while nobody waited is nobody's debt.
    expect(scheduler.handle(asked(2, 'b'), 2_000)).toEqual([]);
    expect(scheduler.nextTimeAt).toBe(2_000 + SLICE_MS);
    expect(scheduler.handle(timePassed, 2_000 + SLICE_MS)).toEqual([revoke(lease('w', 1))]);
  });

  test('nobody is asked for a slot for itself', () => {
    const scheduler = after(attached('w'), asked(1, 'a'), asked(2, 'a'));
    expect(scheduler.handle(timePassed, 10_000)).toEqual([]);
    expect(scheduler.nextTimeAt).toBeUndefined();
  });

  test('a caller without a session is served the same way, and is never asked for its lease', () => {
    const scheduler = after(attached('w'), asked(1, 'a'), requested(2, 'b'));
    expect(scheduler.handle(timePassed, SLICE_MS)).toEqual([revoke(lease('w', 1))]);
    scheduler.handle(ended(lease('w', 1)), SLICE_MS);
    scheduler.handle(asked(3, 'a'), SLICE_MS);
    expect(scheduler.handle(timePassed, 10 * SLICE_MS)).toEqual([]);
  });

  test('a waiter that goes away leaves the slot it was to get to whoever is next', () => {
    const scheduler = after(attached('w'), asked(1, 'a'), asked(2, 'b'));
    scheduler.handle(timePassed, SLICE_MS);
    scheduler.handle(withdrawn(2), SLICE_MS);
    expect(scheduler.handle(ended(lease('w', 1)), SLICE_MS + 1)).toEqual([]);
    expect(scheduler.handle(asked(3, 'c'), SLICE_MS + 2)).toEqual([granted(3, lease('w', 2))]);
  });

  test('the loss of a worker on its way from one to another is forgotten with it', () => {
    const scheduler = after(
      attached('w1', 1),
      attached('w2', 2),
      asked(1, 'a'),
      asked(2, 'a'),
      asked(3, 'b'),
    );
    expect(scheduler.handle({ type: 'worker-lost', worker: lease('w1', 1).worker }, 1)).toEqual([]);
    expect(scheduler.handle(timePassed, 2 * SLICE_MS)).toEqual([revoke(lease('w2', 2))]);
  });
});

describe('shares of slot time over five seconds', () => {
  const WINDOW_MS = 5_000;

  interface Client {
    /** Leases it has a use for. */
    demand: number;
    /** Its tasks take up to this long, in ms. */
    upToMs: number;
    bySession: boolean;
  }

  /** Sessions run task after task under a lease until it is asked back; other callers give theirs back after each. */
  function sharesOf(clients: readonly Client[], workers: number, seed: number): number[] {
    const random = seeded(seed);
    const scheduler = new Scheduler();
    const owner: number[] = [];
    const running = new Map<number, { key: LeaseKey; client: number; until: number; isAskedBack: boolean }>();
    const shares = clients.map(() => 0);
    let now = 0;
    const durationOf = (client: number) => 1 + Math.floor(random() * clients[client]!.upToMs);
    const ask = (client: number): void => {
      owner.push(client);
      const { bySession } = clients[client]!;
      const event = (bySession ? asked : requested)(owner.length - 1, `client-${client}`);
      tell(event);
    };
    const tell = (event: SchedulerEvent): void => {
      for (const command of scheduler.handle(event, now)) {
        if (command.type === 'grant-lease') {
          const client = owner[command.request]!;
          const until = now + durationOf(client);
          running.set(command.lease.epoch, { key: command.lease, client, until, isAskedBack: false });
        } else {
          const held = running.get(command.lease.epoch);
          if (held) held.isAskedBack = true;
        }
      }
    };
    for (let worker = 0; worker < workers; worker++) tell(attached(`w${worker}`, worker));
    clients.forEach(({ demand }, client) => {
      for (let n = 0; n < demand; n++) ask(client);
    });
    for (; now < WINDOW_MS; now++) {
      for (const held of running.values()) shares[held.client]! += 1;
      for (const held of [...running.values()]) {
        if (held.until > now + 1) continue;
        const { bySession } = clients[held.client]!;
        if (bySession && !held.isAskedBack) {
          held.until = now + 1 + durationOf(held.client);
          continue;
        }
        running.delete(held.key.epoch);
        if (!bySession) tell(released(held.key));
        tell(ended(held.key));
        ask(held.client);
      }
      tell(timePassed);
    }
    return shares.map((share) => share / (WINDOW_MS * workers));
  }

  const session = (demand: number, upToMs = 100): Client => ({ demand, upToMs, bySession: true });
  const unary = (demand: number, upToMs = 100): Client => ({ demand, upToMs, bySession: false });

  test.each<[string, Client[], number]>([
    ['4 clients on 4 workers', [session(4), session(4), session(4), session(4)], 4],
    ['3 clients on 2 workers', [session(2), session(2), session(2)], 2],
    ['one of 3 floods with long tasks', [session(2), session(2, 10), session(2, 1)], 2],
    ['one of 4 floods with requests', [session(400, 50), session(4), session(4, 5), session(4, 20)], 4],
    ['beside unary callers', [session(4), session(4, 5), unary(4), unary(4, 20)], 4],
    ['one unary caller beside two sessions', [session(2), session(2), unary(2)], 2],
  ])('are within a tenth of even: %s', (_, clients, workers) => {
    for (let seed = 1; seed <= 5; seed++) {
      const even = 1 / clients.length;
      for (const share of sharesOf(clients, workers, seed)) {
        expect(share).toBeGreaterThan(0.9 * even);
        expect(share).toBeLessThan(1.1 * even);
      }
    }
  });
});
