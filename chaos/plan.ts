import type { Random } from './random.js';

export const FAULT_KINDS = [
  'kill-worker',
  'freeze-worker',
  'freeze-worker-for-long',
  'cut-session',
  'delay-session',
  'half-close-session',
  'cut-slot',
  'delay-slot',
  'half-close-slot',
  'kill-client',
  'freeze-client',
  'restart-coordinator',
  'restart-coordinator-alone',
  'freeze-coordinator',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Has its round for itself. */
const ALONE = 'restart-coordinator-alone';

/** How long each lasts, in ms. The longer freeze is longer than the pool's --worker-timeout. */
const DURATIONS: Record<FaultKind, readonly [number, number]> = {
  'kill-worker': [0, 0],
  'freeze-worker': [50, 600],
  'freeze-worker-for-long': [4_500, 5_500],
  'cut-session': [0, 800],
  'delay-session': [200, 1_000],
  'half-close-session': [0, 0],
  'cut-slot': [0, 500],
  'delay-slot': [200, 1_000],
  'half-close-slot': [0, 0],
  'kill-client': [0, 0],
  'freeze-client': [200, 2_000],
  'restart-coordinator': [0, 0],
  'restart-coordinator-alone': [0, 0],
  'freeze-coordinator': [200, 3_500],
};

export interface PlannedFault {
  kind: FaultKind;
  /** After the one before it, in ms. */
  afterMs: number;
  durationMs: number;
  /** Which of those that it could hit, from 0 to 1. */
  pick: number;
}

/**
 * Rounds of faults without an end. Every kind comes once before any comes again. One kind has its round for itself: what it
 * is to show would not be seen among others. It comes first, so that it has its place in a short run too.
 */
export function* planOf(random: Random): Generator<PlannedFault[], never> {
  const plan = (kind: FaultKind): PlannedFault => {
    const afterMs = random.between(0, 400);
    return { kind, afterMs, durationMs: random.between(...DURATIONS[kind]), pick: random.next() };
  };
  yield [plan(ALONE)];
  for (
    let kinds: readonly FaultKind[] = FAULT_KINDS.filter((kind) => kind !== ALONE);
    ;
    kinds = FAULT_KINDS
  ) {
    let round: PlannedFault[] = [];
    let room = random.whole(2, 4);
    for (const kind of random.shuffled(kinds)) {
      const fault = plan(kind);
      if (kind === ALONE) {
        yield [fault];
        continue;
      }
      round.push(fault);
      if (round.length < room) continue;
      yield round;
      round = [];
      room = random.whole(2, 4);
    }
    if (round.length > 0) yield round;
  }
}
