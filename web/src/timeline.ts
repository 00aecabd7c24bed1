import type { Attempt } from './documents.js';
import type { Lane } from './lanes.js';

/** What of time is seen, in ms of the server's clock. */
export interface Range {
  from: number;
  to: number;
}

/** No finer: clocks tell no more. */
const LEAST_RANGE_MS = 1;
const MOST_RANGE_MS = 6 * 3_600_000;

/** Brings the range closer around an instant (`factor` below 1), or takes it further away. */
export function zoomed({ from, to }: Range, factor: number, around: number): Range {
  const span = Math.min(MOST_RANGE_MS, Math.max(LEAST_RANGE_MS, (to - from) * factor));
  const share = (around - from) / (to - from);
  return { from: around - span * share, to: around + span * (1 - share) };
}

/** @param share of the range, to later where it is positive. */
export function panned({ from, to }: Range, share: number): Range {
  const ms = (to - from) * share;
  return { from: from + ms, to: to + ms };
}

/** Where the first block is that has not ended by this instant. Blocks of a slot begin and end in the same order. */
export function firstAfter(blocks: readonly Attempt[], instant: number): number {
  let [low, high] = [0, blocks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const { started_ms, run_ms = 0 } = blocks[middle] as Attempt;
    if (started_ms + run_ms < instant) low = middle + 1;
    else high = middle;
  }
  return low;
}

export interface Drawn {
  left: number;
  width: number;
  attempt: Attempt;
}

/** What is thinner than this is drawn as wide, in px. */
const LEAST_WIDTH = 1;

/**
 * The blocks of a lane that are seen, in px from the left of it. Of many that share a pixel one is enough, but one that failed is
 * never left out for one that did not: so what is drawn has a bound, whatever there is.
 */
export function* seenIn(lane: Lane, { from, to }: Range, width: number, now: number): Generator<Drawn> {
  const perMs = width / (to - from);
  let drawnTo = -Infinity;
  let isFailureDrawn = false;
  const { blocks, running } = lane;
  for (let at = firstAfter(blocks, from); at < blocks.length; at++) {
    const attempt = blocks[at] as Attempt;
    if (attempt.started_ms > to) break;
    const left = (attempt.started_ms - from) * perMs;
    const right = left + Math.max(LEAST_WIDTH, (attempt.run_ms ?? 0) * perMs);
    const hasFailed = attempt.state === 'failed';
    if (right < drawnTo + LEAST_WIDTH && (!hasFailed || isFailureDrawn)) continue;
    isFailureDrawn = hasFailed;
    drawnTo = right;
    yield { left, width: right - left, attempt };
  }
  if (running && running.started_ms <= to) {
    const left = (running.started_ms - from) * perMs;
    const right = Math.max(left + LEAST_WIDTH, (now - from) * perMs);
    if (right >= 0) yield { left, width: right - left, attempt: running };
  }
}

/** The block at an instant, or the nearest one within so many ms. */
export function blockAt(lane: Lane, instant: number, withinMs: number, now: number): Attempt | undefined {
  const { blocks, running } = lane;
  if (running && instant >= running.started_ms && instant <= now) return running;
  const at = firstAfter(blocks, instant);
  const near = [blocks[at - 1], blocks[at]].flatMap((block) => (block ? [block] : []));
  const distance = ({ started_ms, run_ms = 0 }: Attempt) =>
    Math.max(0, started_ms - instant, instant - started_ms - run_ms);
  const [nearest] = near.sort((a, b) => distance(a) - distance(b));
  return nearest && distance(nearest) <= withinMs ? nearest : undefined;
}

/** Instants for the axis: round steps of time, no closer than so many ms. */
export function ticks({ from, to }: Range, leastMs: number): { at: number; step: number }[] {
  const step = STEPS_MS.find((ms) => ms >= leastMs) ?? LONGEST_STEP_MS;
  const first = Math.ceil(from / step) * step;
  const count = Math.max(0, Math.floor((to - first) / step) + 1);
  return Array.from({ length: count }, (_, n) => ({ at: first + n * step, step }));
}

const STEPS_MS = [
  ...[0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 30].map((s) => s * 1_000),
  ...[1, 2, 5, 10, 30, 60].map((min) => min * 60_000),
];
const LONGEST_STEP_MS = 3 * 3_600_000;

/** In the words of the axis: as fine as its steps. */
export function tickText(at: number, step: number): string {
  const time = new Date(at);
  const clock = time.toLocaleTimeString('en-GB');
  if (step >= 1_000) return clock;
  const fraction = Math.min(0.9999, Math.round((at % 1_000) * 10) / 10_000);
  return clock + fraction.toFixed(step < 1 ? 4 : 3).slice(1);
}

/** As far from one another as any number of them can be, whichever of them are seen: by the golden section. */
const TURN = 0.618;
const [FIRST_HUE, HUES] = [50, 250];
/** So many names are told apart. */
const MOST_NAMES = 1_000;

/** The hue of each name, in degrees, by the order in which they came. No red: that is what has failed. */
export class Hues {
  readonly #hues = new Map<string, number>();

  of(name: string): number {
    let hue = this.#hues.get(name);
    if (hue === undefined) {
      if (this.#hues.size >= MOST_NAMES) this.#hues.clear();
      hue = FIRST_HUE + ((0.6 + this.#hues.size * TURN) % 1) * HUES;
      this.#hues.set(name, hue);
    }
    return hue;
  }

  /** In the order in which they came. */
  get names(): string[] {
    return [...this.#hues.keys()];
  }
}
