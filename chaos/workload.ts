import type { Random } from './random.js';
import type { TaskKind } from './tasks.js';

/** Calls that are made at once, and the pause before the next ones. */
export interface Order {
  kind: TaskKind;
  /** How long each takes. */
  ms: number;
  count: number;
  /** Undefined for the default of the library. */
  retries: number | undefined;
  /** Whether they are left with the queue, and their results awaited by its word. */
  isSubmitted: boolean;
  /** 0 unless said otherwise. */
  priority?: number;
  pauseMs: number;
}

/** Of a hundred orders, about this many are of each kind. */
const MIX: readonly { share: number; order(random: Random): Partial<Order> & { kind: TaskKind } }[] = [
  { share: 52, order: (random) => ({ kind: 'noop', pauseMs: random.between(0, 20) }) },
  { share: 4, order: (random) => ({ kind: 'noop', count: random.whole(20, 200) }) },
  { share: 22, order: (random) => ({ kind: 'cpu', ms: 1 + 49 * random.next() ** 3 }) },
  { share: 14, order: () => ({ kind: 'sleep', ms: 200 }) },
  { share: 1, order: () => ({ kind: 'sleep', ms: 1_000 }) },
  { share: 4, order: () => ({ kind: 'throws' }) },
  { share: 2, order: () => ({ kind: 'bulk' }) },
  { share: 1, order: () => ({ kind: 'stuck' }) },
];

const RETRIES = [0, undefined, undefined, 3];

/** What part of the orders goes to the queue. */
const SUBMITTED = 0.25;

/** What a client calls next. */
export function nextOrder(random: Random): Order {
  let left = random.between(0, 100);
  const part = MIX.find(({ share }) => (left -= share) < 0) ?? MIX[0];
  const retries = random.of(RETRIES);
  const isSubmitted = random.next() < SUBMITTED;
  return { kind: 'noop', ms: 0, count: 1, pauseMs: 0, ...part?.order(random), retries, isSubmitted };
}

/**
 * One short task after another: as long as its lease lives, so does its place on one slot. More urgent than what others want, so
 * that it has that place whenever the coordinator is killed.
 */
export const STEADY_ORDER: Order = {
  priority: 1,
  kind: 'sleep',
  ms: 40,
  count: 1,
  retries: 0,
  isSubmitted: false,
  pauseMs: 0,
};

/**
 * What a client has always more of than the pool has slots. So it is asked for slots back all the time, with tasks behind those
 * that run: whoever holds on to a slot starves the others, and what begins under a lease that is over begins twice.
 */
export const GREEDY_ORDER: Order = {
  kind: 'nap',
  ms: 5,
  count: 1,
  retries: 0,
  isSubmitted: false,
  pauseMs: 0,
};
