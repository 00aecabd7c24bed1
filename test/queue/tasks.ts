import { taskId } from '../../src/core/ids.js';
import { idOf } from '../../src/wire/functions/function-id.js';
import type { ShippedFunction } from '../../src/wire/functions/source.js';
import type { Course } from '../../src/queue/course.js';
import type { LogLine } from '../../src/queue/task-log.js';
import type { ListQuery, TaskOutcome, TaskSpec } from '../../src/queue/store.js';

export const source = '(a) => a';
export const FN: ShippedFunction = {
  id: idOf(source),
  source,
  name: '',
  parts: [],
  preview: '(a) => a // as written',
};

export const id = (name: string) => taskId(name.padEnd(16, '0'));
export const spec = (name: string, more: Partial<TaskSpec> = {}): TaskSpec => ({
  id: id(name),
  client: 'a client',
  name,
  functionId: FN.id,
  args: { encoding: 'V8', data: Buffer.from(`arguments of ${name}`) },
  results: [],
  after: [],
  priority: 0,
  notBefore: 0,
  submittedAt: 1,
  key: undefined,
  group: undefined,
  requires: [],
  expectedMs: undefined,
  timeoutMs: undefined,
  queueTimeoutMs: undefined,
  deadlineAt: undefined,
  retries: undefined,
  retryOn: undefined,
  preview: '',
  ...more,
});
export const succeeded = (text = 'a result'): TaskOutcome => ({
  state: 'succeeded',
  result: { encoding: 'V8', data: Buffer.from(text) },
  runMs: 3,
});
export const failed = (code: 'thrown' | 'timeout' = 'thrown'): TaskOutcome => ({
  state: 'failed',
  failure: { code, message: 'no', mayHaveRun: true, error: { encoding: 'V8', data: Buffer.from('E') } },
  runMs: 4,
});
export const course: Course = {
  worker: 'worker-1',
  reason: 'first-free: at once',
  lineMs: 1,
  claimMs: 0.5,
  placementMs: 0,
  earlierMs: 0,
  wireMs: 0.25,
  slotMs: 0,
  decodeMs: 0.125,
  runMs: 3,
  earlier: [
    {
      attempt: 1,
      worker: 'worker-2',
      at: 5,
      failure: { code: 'worker-lost', message: 'gone', mayHaveRun: true },
    },
  ],
};
export const log: LogLine[] = [
  { attempt: 1, number: 7, at: 5, text: 'ü\n', isError: false },
  { attempt: 1, number: 8, at: 6, text: '', isError: true },
];
export const everything: ListQuery = {
  states: [],
  name: undefined,
  group: undefined,
  client: undefined,
  text: undefined,
  limit: 100,
  cursor: undefined,
};

/** The thread of a file store, as built. */
export const THREAD = new URL('../../dist/queue/store-thread.js', import.meta.url);
