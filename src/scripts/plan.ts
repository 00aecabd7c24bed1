import type { ScriptResult } from './results.js';
import type { Script } from './script.js';

/** What of an earlier run is kept, and in what order the rest runs. */
export interface Plan {
  kept: ScriptResult[];
  /** Each runs on one worker, one script after the other. */
  batches: Script[][];
}

export interface PlanOptions {
  /** Run only what failed, is missing, or has changed since. */
  isResumed: boolean;
  /** The longest of the last run come first; those of which nothing is known, before them. */
  isLongestFirst: boolean;
  /** How many small scripts share a call at most. */
  batch: number;
}

/** A script that took longer in the last run gains nothing from a batch, and would hold up the others in it. */
const SMALL_MS = 1_000;

/** @param last what became of the scripts in the last run */
export function plan(scripts: readonly Script[], last: readonly ScriptResult[], options: PlanOptions): Plan {
  const known = new Map(last.map((result) => [result.name, result]));
  const { isResumed, isLongestFirst, batch } = options;
  const isKept = ({ name, hash }: Script) => {
    const before = known.get(name);
    return isResumed && before?.state === 'succeeded' && before.hash === hash;
  };
  const kept = scripts
    .filter(isKept)
    .flatMap(({ name }) => known.get(name) ?? [])
    .map((result) => ({ ...result, kept: true }));
  const timeOf = ({ name }: Script) => known.get(name)?.ms ?? Infinity;
  const order = scripts.filter((script) => !isKept(script)).sort(byPriority);
  if (isLongestFirst) order.sort((a, b) => byPriority(a, b) || compare(timeOf(b), timeOf(a)));
  return { kept, batches: inBatches(order, batch, (script) => (known.get(script.name)?.ms ?? 0) < SMALL_MS) };
}

function byPriority(a: Script, b: Script): number {
  return (b.header.priority ?? 0) - (a.header.priority ?? 0);
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Scripts that ask for a priority or for retries are tried by themselves, as only whole calls are. */
function inBatches(order: readonly Script[], size: number, isSmall: (script: Script) => boolean): Script[][] {
  const batches: Script[][] = [];
  let open: Script[] | undefined;
  for (const script of order) {
    const { priority, retries } = script.header;
    if (size === 1 || priority !== undefined || retries !== undefined || !isSmall(script)) {
      batches.push([script]);
    } else if (open && open.length < size) {
      open.push(script);
    } else {
      batches.push((open = [script]));
    }
  }
  return batches;
}

/**
 * How long the rest takes, in ms; undefined while nothing is known.
 *
 * @param expected what each script that has not ended took last time, if it ran
 * @param finished what those took that have ended
 * @param width how many run at a time
 */
export function timeLeftMs(
  expected: readonly (number | undefined)[],
  finished: readonly number[],
  width: number,
): number | undefined {
  const known = expected.filter((ms) => ms !== undefined);
  const samples = finished.length > 0 ? finished : known;
  if (samples.length === 0) return expected.length === 0 ? 0 : undefined;
  const mean = samples.reduce((sum, ms) => sum + ms, 0) / samples.length;
  const sum = expected.reduce<number>((total, ms) => total + (ms ?? mean), 0);
  return sum / Math.max(1, Math.min(width, expected.length));
}
