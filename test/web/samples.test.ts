import { expect, test } from '@jest/globals';
import { POLICIES } from '../../src/core/scheduler/placement.js';
import { POLICIES as KNOWN, type Worker } from '../../web/src/documents.js';
import {
  type Counters,
  countersFrom,
  cpuBetween,
  KEPT_MS,
  type Sample,
  sampleBetween,
  withSample,
} from '../../web/src/samples.js';

const counters = (more: Partial<Counters>): Counters => ({
  at: 0,
  settled: 0,
  waiting: 0,
  busy: 0,
  waitedSeconds: 0,
  waited: 0,
  ...more,
});

test('counters are summed over workers and over the series of a metric', () => {
  const worker = {
    worker: 'w',
    host: 'h',
    port: 1,
    pid: 1,
    phase: 'running',
    slots: 1,
    busy: false,
    tasks: [],
    tags: [],
    version: '1',
    cpu_ms: 0,
    uptime_ms: 0,
    rss_bytes: 0,
    deaths: 0,
  };
  const workers = [
    { ...worker, completed: 3, failed: 1 },
    { ...worker, completed: 2, failed: 0, tasks: [{ task_id: 't', name: 'n', running_ms: 1 }] },
  ];
  const metrics = [
    'offhand_queue_tasks{state="pending"} 7',
    'offhand_queue_tasks{state="running"} 9',
    'offhand_task_waiting_seconds_sum{name="a"} 0.5',
    'offhand_task_waiting_seconds_sum{name="b"} 1e0',
    'offhand_task_waiting_seconds_count{name="a"} 2',
  ].join('\n');
  expect(countersFrom(5, { workers, queue: { pending: 7 }, wanted: 2, policy: '' }, metrics)).toEqual(
    counters({ at: 5, settled: 6, waiting: 7, busy: 1, waitedSeconds: 1.5, waited: 2 }),
  );
});

test('a rate is what came in between, and never negative when a worker has begun anew', () => {
  const before = counters({ at: 1_000, settled: 10, waitedSeconds: 1, waited: 1 });
  const now = counters({ at: 3_000, settled: 20, waitedSeconds: 2, waited: 3 });
  expect(sampleBetween(before, now)).toMatchObject({ perSecond: 5, waitMs: 500 });
  expect(sampleBetween(now, { ...before, at: 4_000 })).toMatchObject({ perSecond: 0, waitMs: undefined });
});

test('CPU is that of a process between two looks, and of none that has begun in between or did not answer', () => {
  const worker = (more: object) =>
    ({ worker: 'worker-1', pid: 1, cpu_ms: 500, uptime_ms: 1_000, ...more }) as Worker;
  const between = (before: object, now: object) => [...cpuBetween([worker(before)], [worker(now)])];
  expect(between({}, { cpu_ms: 2_000, uptime_ms: 2_000 })).toEqual([['worker-1', 150]]);
  expect(between({}, { pid: 2, uptime_ms: 2_000 })).toEqual([]);
  expect(between({ uptime_ms: 0 }, {})).toEqual([]);
  expect(between({}, { uptime_ms: 0 })).toEqual([]);
});

test('the page knows the policies that there are', () => expect(KNOWN).toEqual(POLICIES));

test('what is older than the lines go back is let go of', () => {
  let samples: Sample[] = [];
  for (let at = 0; at <= 2 * KEPT_MS; at += 1_000)
    samples = withSample(samples, { at, perSecond: 1, waiting: 0, busy: 0, waitMs: undefined });
  expect(samples).toHaveLength(KEPT_MS / 1_000);
});
