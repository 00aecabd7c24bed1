import { describe, expect, test } from '@jest/globals';
import { taskId } from '../../src/core/ids.js';
import type { QueueCommand, QueueEvent, SubmittedTask } from '../../src/core/queue/events.js';
import { Queue } from '../../src/core/queue/queue.js';
import type { SettledState, TaskFacts } from '../../src/core/queue/task.js';

const task = (id: string, more: Partial<TaskFacts> = {}): TaskFacts => ({
  id: taskId(id),
  name: 'f',
  client: 'a client',
  priority: 0,
  needs: '',
  functionId: 'a function',
  notBefore: 0,
  group: undefined,
  after: [],
  uses: [],
  queueTimeoutMs: undefined,
  runsOnce: false,
  deadlineAt: undefined,
  ...more,
});
const submitted = (facts: TaskFacts, more: Partial<SubmittedTask> = {}): QueueEvent => ({
  type: 'submitted',
  tasks: [{ facts, ...more }],
});
const arrived = (facts: TaskFacts, offeredAt = 0, isSpent = false): QueueEvent => ({
  type: 'arrived',
  tasks: [{ facts, offeredAt, isSpent }],
});
const settled = (id: string, state: SettledState = 'succeeded'): QueueEvent => ({
  type: 'settled',
  id: taskId(id),
  state,
});
const released = (id: string): QueueEvent => ({ type: 'released', id: taskId(id), delayMs: 0 });
const cancel = (id: string): QueueEvent => ({ type: 'cancel', id: taskId(id) });
const passed: QueueEvent = { type: 'time-passed' };
const offers = (...ids: string[]) => ids.map((id): QueueCommand => ({ type: 'offer', id: taskId(id) }));
const settles = (id: string, how: Extract<QueueCommand, { type: 'settle' }>['how']): QueueCommand => ({
  type: 'settle',
  id: taskId(id),
  how,
});
const after = (...ids: string[]) => ({ after: ids.map(taskId) });

describe('a task of a queue that others have a share in', () => {
  test('is offered to all when it may begin, and not claimed', () => {
    const queue = new Queue(true);
    expect(queue.handle(submitted(task('now')), 0)).toEqual(offers('now'));
    expect(queue.handle(submitted(task('later', { notBefore: 50 })), 0)).toEqual([]);
    expect(queue.nextAt).toBe(50);
    expect(queue.handle(passed, 50)).toEqual(offers('later'));
    expect(queue.readyNeeds).toEqual([]);
  });

  test('is not offered again where it was when it was taken on', () => {
    const queue = new Queue(true);
    expect(queue.handle(submitted(task('a'), { isOffered: true }), 0)).toEqual([]);
    expect(queue.standingOf(taskId('a'), 0)?.phase).toBe('offered');
    expect(queue.size).toBe(1);
  });

  test('ends by its limits while nobody has taken it', () => {
    const queue = new Queue(true);
    queue.handle(submitted(task('a', { queueTimeoutMs: 20 }), { isOffered: true }), 0);
    queue.handle(submitted(task('b', { deadlineAt: 30 }), { isOffered: true }), 0);
    expect(queue.handle(passed, 20)).toEqual([settles('a', { kind: 'queue-timeout', limitMs: 20 })]);
    expect(queue.handle(passed, 30)).toEqual([settles('b', { kind: 'deadline-exceeded' })]);
  });

  test('that was taken before its outcome could be kept is stopped when it arrives', () => {
    const queue = new Queue(true);
    queue.handle(submitted(task('a'), { isOffered: true }), 0);
    expect(queue.handle(cancel('a'), 1)).toEqual([settles('a', { kind: 'cancelled' })]);
    expect(queue.handle(arrived(task('a')), 2)).toEqual([
      { type: 'stop', id: 'a', how: { kind: 'cancelled' } },
    ]);
  });

  test('has had its time in line when it arrives', () => {
    const queue = new Queue(true);
    queue.handle(arrived(task('a'), 10), 25);
    expect(queue.lineMs(taskId('a'))).toBe(15);
    expect(queue.standingOf(taskId('a'), 30)?.phase).toBe('claimed');
  });

  test('of another coordinator counts its queue timeout from when it was offered', () => {
    const queue = new Queue(true);
    queue.handle(arrived(task('a', { queueTimeoutMs: 20 }), 10), 25);
    expect(queue.handle(passed, 30)).toEqual([
      { type: 'stop', id: 'a', how: { kind: 'queue-timeout', limitMs: 20 } },
    ]);
  });

  test('that went down with too many coordinators fails when it arrives, and does not run', () => {
    const queue = new Queue(true);
    expect(queue.handle(arrived(task('a'), 0, true), 1)).toEqual([settles('a', { kind: 'cut-short' })]);
  });

  test('of another coordinator is forgotten when it is given back, one of ours is not', () => {
    const queue = new Queue(true);
    queue.handle(submitted(task('ours'), { isOffered: true }), 0);
    queue.handle(arrived(task('ours')), 1);
    queue.handle(arrived(task('theirs')), 1);
    queue.handle(released('ours'), 2);
    queue.handle(released('theirs'), 2);
    expect([queue.has(taskId('ours')), queue.has(taskId('theirs'))]).toEqual([true, false]);
    expect(queue.standingOf(taskId('ours'), 2)?.phase).toBe('offered');
  });

  test('keeps its seat in its group until it has its outcome, wherever it runs', () => {
    const queue = new Queue(true);
    const group = { name: 'one at a time', limit: 1 };
    expect(queue.handle(submitted(task('a', { group })), 0)).toEqual(offers('a'));
    expect(queue.handle(submitted(task('b', { group })), 0)).toEqual([]);
    queue.handle(arrived(task('a', { group })), 1);
    queue.handle(released('a'), 2);
    expect(queue.handle(settled('a'), 3)).toEqual(offers('b'));
  });

  test('begins when one is through that it comes after, which another coordinator decides about', () => {
    const queue = new Queue(true);
    queue.handle(submitted(task('theirs'), { isOffered: true, isGuest: true }), 0);
    expect(queue.handle(submitted(task('ours', after('theirs'))), 0)).toEqual([]);
    expect(queue.handle(settled('theirs'), 1)).toEqual(offers('ours'));
  });

  test('ends with one that it comes after, which another coordinator decides about', () => {
    const queue = new Queue(true);
    queue.handle(submitted(task('theirs'), { isOffered: true, isGuest: true }), 0);
    queue.handle(submitted(task('ours', after('theirs'))), 0);
    expect(queue.handle(settled('theirs', 'failed'), 1)).toEqual([
      settles('ours', { kind: 'upstream', id: taskId('theirs') }),
    ]);
  });

  test('has no limits here while another coordinator decides about it', () => {
    const queue = new Queue(true);
    const limits = { queueTimeoutMs: 20, deadlineAt: 30 };
    queue.handle(submitted(task('theirs', limits), { isOffered: true, isGuest: true }), 0);
    expect(queue.nextAt).toBeUndefined();
  });

  test('that others here come after is decided about here once its coordinator is gone', () => {
    const queue = new Queue(true);
    const theirs = task('theirs', { notBefore: 50 });
    queue.handle(submitted(theirs, { isOffered: true, isGuest: true }), 0);
    queue.handle(submitted(task('ours', after('theirs'))), 0);
    expect(queue.handle(submitted(theirs), 10)).toEqual([]);
    expect(queue.handle(passed, 50)).toEqual(offers('theirs'));
    expect(queue.handle(settled('theirs'), 60)).toEqual(offers('ours'));
  });
});
