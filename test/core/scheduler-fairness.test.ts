import { describe, expect, test } from '@jest/globals';
import type { LeaseKey } from '../../src/core/scheduler/lease.js';
import { Scheduler, type SchedulerEvent } from '../../src/core/scheduler/scheduler.js';
import { seeded } from './seeded.js';
import { attached, ended, inUse, released, requested } from './story.js';

const DURATION_MS = 20_000;
const FLOOD = 1_000;
const KEPT_WAITING = 2;
const WINDOW_MS = 5_000;

interface Options {
  clients: number;
  workers: number;
  seed: number;
  /** How long the tasks of the flooding client take at most, in ms; those of the others take up to 100. */
  floodersMs: number;
}

/**
 * Client 0 asks for 1000 leases at once and then keeps its line at that; the others always have two requests waiting.
 * Tasks take 1 to 100 ms, those of
 * client 0 perhaps more. Returns, for each client, how many slots it held in each millisecond.
 */
function simulate({ clients, workers, seed, floodersMs }: Options): Uint8Array[] {
  const random = seeded(seed);
  const scheduler = new Scheduler();
  const held = Array.from({ length: clients }, () => new Uint8Array(DURATION_MS));
  const clientOf: number[] = [];
  const running: { key: LeaseKey; client: number; until: number }[] = [];

  const ask = (client: number, now: number): void => {
    clientOf.push(client);
    tell(requested(clientOf.length - 1, `client-${client}`), now);
  };
  const tell = (event: SchedulerEvent, now: number): void => {
    for (const command of scheduler.handle(event, now)) {
      if (command.type !== 'grant-lease') continue;
      const client = clientOf[command.request]!;
      const durationMs = 1 + Math.floor(random() * (client === 0 ? floodersMs : 100));
      running.push({ key: command.lease, client, until: now + durationMs });
      tell(inUse(command.lease), now);
      ask(client, now);
    }
  };

  for (let n = 0; n < FLOOD; n++) ask(0, 0);
  for (let client = 1; client < clients; client++) for (let n = 0; n < KEPT_WAITING; n++) ask(client, 0);
  for (let worker = 0; worker < workers; worker++) tell(attached(`worker-${worker}`, worker), 0);
  for (let now = 0; now < DURATION_MS; now++) {
    for (const done of running.filter((task) => task.until <= now)) {
      running.splice(running.indexOf(done), 1);
      tell(released(done.key), now);
      tell(ended(done.key), now);
    }
    for (const { client } of running) held[client]![now]! += 1;
  }
  return held;
}

/** The smallest and the largest share of slot time, of an even one, that any client has in any window of 5 s. */
function extremeShares(held: readonly Uint8Array[]): { least: number; most: number } {
  let [least, most] = [Infinity, 0];
  const inWindow = held.map(() => 0);
  for (let now = 1_000; now < DURATION_MS; now++) {
    for (const [client, slots] of held.entries())
      inWindow[client]! += slots[now]! - (now >= 1_000 + WINDOW_MS ? slots[now - WINDOW_MS]! : 0);
    if (now < 1_000 + WINDOW_MS - 1) continue;
    const even = inWindow.reduce((sum, ms) => sum + ms, 0) / held.length;
    least = Math.min(least, ...inWindow.map((ms) => ms / even));
    most = Math.max(most, ...inWindow.map((ms) => ms / even));
  }
  return { least, most };
}

describe('while one client floods the pool, every client gets its even share within 10 % over any 5 s', () => {
  test.each([
    { clients: 4, workers: 4, seed: 1, floodersMs: 100 },
    { clients: 4, workers: 4, seed: 2, floodersMs: 300 },
    { clients: 3, workers: 2, seed: 1, floodersMs: 100 },
    { clients: 3, workers: 2, seed: 2, floodersMs: 300 },
  ])(
    '$clients clients, $workers workers, seed $seed, the flooder’s tasks up to $floodersMs ms',
    (options) => {
      const held = simulate(options);
      const { least, most } = extremeShares(held);
      expect(least).toBeGreaterThan(0.9);
      expect(most).toBeLessThan(1.1);
      // No worker idles meanwhile.
      const slotMs = held.reduce((sum, slots) => sum + slots.reduce((a, b) => a + b, 0), 0);
      expect(slotMs).toBe(options.workers * DURATION_MS);
    },
  );
});
