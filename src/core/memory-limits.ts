import { parseSizeBytes } from './size.js';

/** What memory the worker processes of a pool may use. Undefined: as much as there is. */
export interface MemoryLimits {
  /** Of a process, all in all, as the system counts it: the resident set. */
  maxRssBytes: number | undefined;
  /** Of one thread, for JavaScript objects: V8's old generation. Buffers lie outside. */
  maxHeapBytes: number | undefined;
}

const MIB = 1024 * 1024;
/** A thread needs some ten MiB for itself. */
const LEAST_HEAP_BYTES = 32 * MIB;
/** A worker takes about 60 MiB, and 20 more for every slot, before it has run anything. */
const LEAST_RSS_BYTES = 96 * MIB;
const LEAST_RSS_PER_SLOT_BYTES = 32 * MIB;

/**
 * @param given sizes as people write them: see {@link parseSizeBytes}.
 * @param names how error messages name the two.
 * @throws PoolError `invalid-argument`, also for limits that no worker could keep
 */
export function memoryLimits(
  given: { maxRss?: unknown; maxHeap?: unknown },
  slots: number,
  names: { maxRss: string; maxHeap: string },
): MemoryLimits {
  const { maxRss, maxHeap } = given;
  const leastRssBytes = LEAST_RSS_BYTES + slots * LEAST_RSS_PER_SLOT_BYTES;
  return {
    maxRssBytes: maxRss === undefined ? undefined : parseSizeBytes(maxRss, names.maxRss, leastRssBytes),
    maxHeapBytes:
      maxHeap === undefined ? undefined : parseSizeBytes(maxHeap, names.maxHeap, LEAST_HEAP_BYTES),
  };
}
