import { describe, expect, test } from '@jest/globals';
import { taskId } from '../../src/core/ids.js';
import { AGEING_MS } from '../../src/core/scheduler/waiting-line.js';
import type { QueueCommand, QueueEvent } from '../../src/core/queue/events.js';
import { Queue } from '../../src/core/queue/queue.js';
import { standingInWords } from '../../src/core/queue/standing.js';
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
const submitted = (...tasks: TaskFacts[]): QueueEvent => ({
  type: 'submitted',
  tasks: tasks.map((facts) => ({ facts })),
});
const roomFor = (most: number, needs = ''): QueueEvent => ({
  type: 'room',
  needs,
  hasRoom: (_, ahead) => ahead < most,
});
const settled = (id: string, state: SettledState = 'succeeded'): QueueEvent => ({
  type: 'settled',
  id: taskId(id),
  state,
});
const cancel = (id: string): QueueEvent => ({ type: 'cancel', id: taskId(id) });
const after = (...ids: string[]) => ({ after: ids.map(taskId) });
const claims = (...ids: string[]) => ids.map((id): QueueCommand => ({ type: 'claim', id: taskId(id) }));

describe('how a task stands', () => {
  const why = (queue: Queue, id: string, now = 0) => {
    const standing = queue.standingOf(taskId(id), now);
    return standing && standingInWords(standing, now);
  };
  test('in words, for each thing that it may wait for', () => {
    const queue = new Queue();
    const group = { name: 'mail', limit: 1 };
    queue.handle(
      submitted(
        task('high', { priority: 5 }),
        task('late', { notBefore: 20_000 }),
        task('after', after('late')),
        task('after two', after('late', 'after')),
        task('after many', after('late', 'after', 'after two', 'high')),
        task('one', { group }),
        task('two', { group }),
        task('other'),
      ),
      0,
    );
    expect(why(queue, 'late', 11_000)).toBe('not before 1970-01-01T00:00:20.000Z, in 9000 ms');
    expect(why(queue, 'late')).toBe('not before 1970-01-01T00:00:20.000Z, in 20 s');
    expect(why(queue, 'after')).toBe('comes after task late');
    expect(why(queue, 'after two')).toBe('comes after 2 tasks: late, after');
    expect(why(queue, 'after many')).toBe('comes after 4 tasks: late, after, after two and 1 more');
    expect(why(queue, 'two')).toBe('group mail: 0 of 1 running, 1 next in line');
    expect(why(queue, 'other')).toBe(
      'no worker is free: 2 other tasks wait for one, 1 of them at a higher priority',
    );
    queue.handle(roomFor(2), 7);
    expect(queue.standingOf(taskId('high'), 9)).toMatchObject({ phase: 'claimed', lineMs: 7 });
    expect(why(queue, 'two')).toBe('group mail: 1 of 1 running');
    expect(why(queue, 'other')).toBe('no worker is free: 2 other tasks wait for one');
    expect(why(queue, 'one')).toBeUndefined();
    expect(why(queue, 'unknown')).toBeUndefined();
  });
});

describe('what is next', () => {
  test('the highest priority, and within it what came first', () => {
    const queue = new Queue();
    queue.handle(submitted(task('low'), task('high', { priority: 5 }), task('high too', { priority: 5 })), 0);
    expect(queue.handle(roomFor(2), 0)).toEqual(claims('high', 'high too'));
    expect(queue.handle(roomFor(2), 0)).toEqual([]);
    expect(queue.handle(settled('high'), 1)).toEqual([]);
    expect(queue.handle(roomFor(2), 1)).toEqual(claims('low'));
  });

  test('what is urgent does not wait for room that others take up', () => {
    const queue = new Queue();
    queue.handle(submitted(task('low'), task('low too'), task('low three')), 0);
    expect(queue.handle(roomFor(2), 0)).toEqual(claims('low', 'low too'));
    queue.handle(submitted(task('high', { priority: 5 })), 0);
    expect(queue.handle(roomFor(2), 0)).toEqual(claims('high'));
    expect(queue.handle(roomFor(2), 0)).toEqual([]);
  });

  test('a lower priority that stands still rises', () => {
    const queue = new Queue();
    queue.handle(submitted(task('low')), 0);
    for (const [now, expected] of [
      [0, 'high 0'],
      [AGEING_MS, 'high 1'],
      [2 * AGEING_MS + 2, 'low'],
    ] as const) {
      queue.handle(submitted(task(`high ${now / AGEING_MS}`, { priority: 1 })), now);
      expect(queue.handle(roomFor(1), now)[0]).toEqual(claims(expected)[0]);
      queue.handle(settled(expected), now);
    }
  });

  test('a client that floods the queue leaves the others their turns', () => {
    const queue = new Queue();
    const flood = Array.from({ length: 100 }, (_, n) => task(`f${n}`, { client: 'flood' }));
    queue.handle(submitted(...flood, task('x', { client: 'x' }), task('y', { client: 'y' })), 0);
    expect(queue.handle(roomFor(3), 0)).toEqual(claims('f0', 'x', 'y'));
  });

  test('a task that was given back is there again after its delay', () => {
    const queue = new Queue();
    queue.handle(submitted(task('t')), 0);
    queue.handle(roomFor(1), 0);
    queue.handle({ type: 'released', id: taskId('t'), delayMs: 100 }, 10);
    expect(queue.handle(roomFor(1), 10)).toEqual([]);
    expect(queue.nextAt).toBe(110);
    queue.handle({ type: 'time-passed' }, 110);
    expect(queue.handle(roomFor(1), 110)).toEqual(claims('t'));
  });
});

describe('time', () => {
  test('a delayed task begins when its time has come', () => {
    const queue = new Queue();
    queue.handle(submitted(task('later', { notBefore: 50 }), task('sooner', { notBefore: 20 })), 0);
    expect(queue.nextAt).toBe(20);
    expect(queue.handle(roomFor(9), 0)).toEqual([]);
    queue.handle({ type: 'time-passed' }, 60);
    expect(queue.handle(roomFor(9), 60)).toEqual(claims('sooner', 'later'));
    expect(queue.nextAt).toBeUndefined();
  });

  test('queueTimeoutMs counts from when a task could begin', () => {
    const queue = new Queue();
    queue.handle(submitted(task('t', { notBefore: 50, queueTimeoutMs: 10 })), 0);
    queue.handle({ type: 'time-passed' }, 50);
    expect(queue.nextAt).toBe(60);
    const how = { kind: 'queue-timeout', limitMs: 10 };
    expect(queue.handle({ type: 'time-passed' }, 60)).toEqual([{ type: 'settle', id: 't', how }]);
    expect(queue.handle(roomFor(1), 60)).toEqual([]);
  });

  test('queueTimeoutMs goes on for one that is claimed, until it is given to a worker', () => {
    const queue = new Queue();
    const limits = { queueTimeoutMs: 10 };
    queue.handle(submitted(task('waits', limits), task('runs', limits)), 0);
    expect(queue.handle(roomFor(9), 0)).toEqual(claims('waits', 'runs'));
    queue.handle({ type: 'began', id: taskId('runs') }, 5);
    const how = { kind: 'queue-timeout', limitMs: 10 };
    expect(queue.handle({ type: 'time-passed' }, 99)).toEqual([{ type: 'stop', id: 'waits', how }]);
    expect(queue.nextAt).toBeUndefined();
  });

  test('a deadline ends a task that waits, and stops one that runs', () => {
    const queue = new Queue();
    queue.handle(submitted(task('runs', { deadlineAt: 10 }), task('waits', { deadlineAt: 20 })), 0);
    queue.handle(roomFor(1), 0);
    const how = { kind: 'deadline-exceeded' };
    expect(queue.handle({ type: 'time-passed' }, 10)).toEqual([{ type: 'stop', id: 'runs', how }]);
    expect(queue.handle({ type: 'time-passed' }, 20)).toEqual([{ type: 'settle', id: 'waits', how }]);
  });
});

describe('tasks that ask something of their worker', () => {
  test('wait for room of their own, and hold up nobody else', () => {
    const queue = new Queue();
    const gpu = { needs: 'gpu', priority: 5 };
    queue.handle(submitted(task('gpu', gpu), task('gpu too', gpu), task('plain')), 0);
    expect(queue.readyNeeds).toEqual(['gpu', '']);
    expect(queue.handle(roomFor(1), 0)).toEqual(claims('plain'));
    expect(queue.standingOf(taskId('gpu'), 0)).toMatchObject({ waiting: 2, before: 0 });
    expect(queue.handle(roomFor(1, 'gpu'), 0)).toEqual(claims('gpu'));
    expect(queue.handle(roomFor(1, 'gpu'), 0)).toEqual([]);
    expect(queue.handle(roomFor(2, 'gpu'), 0)).toEqual(claims('gpu too'));
    expect(queue.readyNeeds).toEqual([]);
  });
});

describe('tasks that come after others', () => {
  test('begin when all of those have succeeded', () => {
    const queue = new Queue();
    queue.handle(submitted(task('a'), task('b'), task('sum', after('a', 'b'))), 0);
    expect(queue.handle(roomFor(9), 0)).toEqual(claims('a', 'b'));
    queue.handle(settled('b'), 1);
    expect(queue.handle(roomFor(9), 1)).toEqual([]);
    queue.handle(settled('a'), 2);
    expect(queue.handle(roomFor(9), 2)).toEqual(claims('sum'));
  });

  test('end as those did that have not, down the whole chain', () => {
    const queue = new Queue();
    queue.handle(submitted(task('a'), task('b', after('a')), task('c', after('b'))), 0);
    queue.handle(roomFor(9), 0);
    const endsAs = (id: string, upstream: string) => [
      { type: 'settle', id, how: { kind: 'upstream', id: upstream } },
    ];
    expect(queue.handle(settled('a', 'failed'), 1)).toEqual(endsAs('b', 'a'));
    expect(queue.handle(settled('b', 'failed'), 2)).toEqual(endsAs('c', 'b'));
    queue.handle(settled('c', 'failed'), 3);
    expect(queue.size).toBe(0);
  });

  test('keep the results they take', () => {
    const queue = new Queue();
    queue.handle(submitted(task('user', { uses: [taskId('used')] })), 0);
    expect(queue.isUsed(taskId('used'))).toBe(true);
    queue.handle(settled('user'), 1);
    expect(queue.isUsed(taskId('used'))).toBe(false);
  });
});

describe('a group', () => {
  const group = (limit: number) => ({ group: { name: 'mails', limit } });

  test('runs no more at a time than its limit, others pass by', () => {
    const queue = new Queue();
    queue.handle(submitted(task('m1', group(1)), task('m2', group(1)), task('other')), 0);
    expect(queue.handle(roomFor(9), 0)).toEqual(claims('m1', 'other'));
    queue.handle(settled('m1', 'failed'), 1);
    expect(queue.handle(roomFor(9), 1)).toEqual(claims('m2'));
  });

  test('lets its most urgent task go first', () => {
    const queue = new Queue();
    queue.handle(submitted(task('m1', group(1)), task('m2', { ...group(1), priority: 3 })), 0);
    expect(queue.handle(roomFor(9), 0)).toEqual(claims('m2'));
    queue.handle(settled('m2'), 1);
    expect(queue.handle(roomFor(9), 1)).toEqual(claims('m1'));
  });

  test('has the limit of its newest task', () => {
    const queue = new Queue();
    queue.handle(submitted(task('m1', group(1)), task('m2', group(1)), task('m3', group(3))), 0);
    expect(queue.handle(roomFor(9), 0)).toHaveLength(3);
  });

  test('gives the seat of a cancelled task to the next', () => {
    const queue = new Queue();
    queue.handle(submitted(task('m1', group(1)), task('m2', group(1))), 0);
    expect(queue.handle(cancel('m1'), 0)).toEqual([{ type: 'settle', id: 'm1', how: { kind: 'cancelled' } }]);
    expect(queue.handle(roomFor(9), 0)).toEqual(claims('m2'));
  });
});

describe('the end of a task', () => {
  test('cancelling one that waits settles it, one that runs is stopped, and once is enough', () => {
    const queue = new Queue();
    queue.handle(submitted(task('runs'), task('waits')), 0);
    queue.handle(roomFor(1), 0);
    const how = { kind: 'cancelled' };
    expect(queue.handle(cancel('runs'), 1)).toEqual([{ type: 'stop', id: 'runs', how }]);
    expect(queue.handle(cancel('waits'), 1)).toEqual([{ type: 'settle', id: 'waits', how }]);
    expect(queue.handle(cancel('waits'), 1)).toEqual([]);
    expect(queue.handle(cancel('unknown'), 1)).toEqual([]);
  });

  test('one that was cut short with its coordinator runs again, unless it must not', () => {
    const queue = new Queue();
    const cutShort = (facts: TaskFacts) => ({ facts, wasCutShort: true });
    const tasks = [cutShort(task('again')), cutShort(task('once', { runsOnce: true }))];
    const how = { kind: 'cut-short' };
    expect(queue.handle({ type: 'submitted', tasks }, 0)).toEqual([{ type: 'settle', id: 'once', how }]);
    expect(queue.handle(roomFor(9), 0)).toEqual(claims('again'));
  });
});
