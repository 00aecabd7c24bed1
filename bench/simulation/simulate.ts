import { Heap, type HeapItem } from '../../src/core/heap.js';
import { clientId, requestId, workerId } from '../../src/core/ids.js';
import type { LeaseKey } from '../../src/core/scheduler/lease.js';
import { placementOf } from '../../src/core/scheduler/policies.js';
import type { PolicyName } from '../../src/core/scheduler/placement.js';
import { Scheduler, type SchedulerEvent } from '../../src/core/scheduler/scheduler.js';
import { seeded } from '../../test/core/seeded.js';

/** One kind of task: how often it comes, and how long it takes as a rule. */
interface Kind {
  readonly fn: string;
  readonly share: number;
  readonly medianMs: number;
}

/** Many are short, few are long, and every one scatters: half of the work is in some 4 % of the tasks. */
const KINDS: readonly Kind[] = [
  { fn: 'thumbnail', share: 0.7, medianMs: 10 },
  { fn: 'page', share: 0.22, medianMs: 60 },
  { fn: 'report', share: 0.07, medianMs: 400 },
  { fn: 'film', share: 0.01, medianMs: 4_000 },
];
/** Of the logarithm of a duration. */
const SCATTER = 0.8;

export interface Setting {
  policy: PolicyName;
  /** Whether the scheduler is told how long each task takes, or has to learn it by the function's name. */
  knows: 'declared' | 'learnt';
  /** The share of the workers' time that is asked for. */
  load: number;
  seed: number;
  /** By worker: how much it does in 1 ms. */
  speeds: readonly number[];
  slots: number;
  tasks: number;
}

/** Of each task, in ms. */
export interface Outcome {
  waits: Float64Array;
  /** Waiting and running together. */
  totals: Float64Array;
}

interface Running extends HeapItem {
  readonly endAt: number;
  readonly lease: LeaseKey;
}

/** The pure scheduler on a clock of its own: tasks come at random, each runs for as long as its worker is slow. */
export function simulate({ policy, knows, load, seed, speeds, slots, tasks }: Setting): Outcome {
  const random = seeded(seed);
  const scheduler = new Scheduler(0, placementOf(policy));
  const running = new Heap<Running>((a, b) => a.endAt < b.endAt);
  const [arrivals, works] = [new Float64Array(tasks), new Float64Array(tasks)];
  const [waits, totals] = [new Float64Array(tasks), new Float64Array(tasks)];
  const speedOf = new Map(speeds.map((speed, index) => [workerId(`worker-${index + 1}`), speed]));
  const capacity = slots * speeds.reduce((sum, speed) => sum + speed, 0);
  const meanMs = KINDS.reduce(
    (sum, kind) => sum + kind.share * kind.medianMs * Math.exp(SCATTER ** 2 / 2),
    0,
  );
  const gapMs = meanMs / (load * capacity);

  const tell = (event: SchedulerEvent, now: number): void => {
    for (const command of scheduler.handle(event, now)) {
      if (command.type !== 'grant-lease') continue;
      const { request, lease } = command;
      const endAt = now + (works[request] ?? 0) / (speedOf.get(lease.worker) ?? 1);
      waits[request] = now - (arrivals[request] ?? 0);
      totals[request] = endAt - (arrivals[request] ?? 0);
      running.push({ heapIndex: -1, endAt, lease });
      tell({ type: 'lease-used', lease, inUse: true, idleMs: 0 }, now);
    }
  };
  const runUntil = (now: number): void => {
    for (let next = running.peek(); next && next.endAt <= now; next = running.peek()) {
      running.remove(next);
      tell({ type: 'lease-ended', lease: next.lease }, next.endAt);
    }
  };

  for (const [index, worker] of [...speedOf.keys()].entries())
    tell({ type: 'worker-attached', worker, rank: index, slots: Array(slots).fill({ epoch: 0 }) }, 0);
  let now = 0;
  for (let task = 0; task < tasks; task++) {
    now -= gapMs * Math.log(1 - random());
    const kind = kindOf(random());
    const workMs = kind.medianMs * Math.exp(SCATTER * normal(random(), random()));
    arrivals[task] = now;
    works[task] = workMs;
    runUntil(now);
    const known = knows === 'declared' ? { expectedMs: workMs } : { fn: kind.fn };
    const wish = { client: clientId('client'), bySession: false, ...known };
    tell({ type: 'lease-requested', request: requestId(task), wish }, now);
  }
  runUntil(Number.POSITIVE_INFINITY);
  return { waits, totals };
}

function kindOf(random: number): Kind {
  let left = random;
  for (const kind of KINDS) {
    left -= kind.share;
    if (left < 0) return kind;
  }
  return KINDS[0] as Kind;
}

/** Box and Muller, 1958. */
function normal(a: number, b: number): number {
  return Math.sqrt(-2 * Math.log(1 - a)) * Math.cos(2 * Math.PI * b);
}
