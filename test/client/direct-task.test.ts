import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { Captures } from '../../src/client/shipping/captures.js';
import { DirectTask, type Place } from '../../src/client/direct/direct-task.js';
import type { CallOptions } from '../../src/client/options.js';
import { shipCall } from '../../src/client/shipping/ship.js';
import { type ErrorCode, PoolError } from '../../src/core/errors.js';

const nowhere: Place = { leave: () => undefined };

/** One task that was sent, and what it was settled with. */
function taskWith(options: CallOptions = {}, isOpaque = false): { task: DirectTask; outcome: () => unknown } {
  const settled: unknown[] = [];
  const call = {
    fn: () => 1,
    args: [],
    options: { name: 'work', ...options },
    captures: Captures.none,
  };
  const task = new DirectTask({ ...shipCall(call), isOpaque }, (_, value) => settled.push(value));
  task.sent(nowhere, 1);
  return {
    task,
    outcome: () => {
      expect(settled.length).toBeLessThanOrEqual(1);
      return settled[0];
    },
  };
}

const gone = (code: ErrorCode, mayHaveRun = true) => new PoolError(code, `it was ${code}`, { mayHaveRun });

/** Fails so many attempts one after the other; gives the waits before the next ones, and stops where there is none. */
function failing(task: DirectTask, code: ErrorCode | 'thrown', times: number): (number | undefined)[] {
  return Array.from({ length: times }, () => {
    const delayMs = task.attemptFailed(code, code === 'thrown' ? new Error('its own') : gone(code));
    task.handedBack(nowhere);
    if (delayMs !== undefined) task.sent(nowhere, 1);
    return delayMs;
  });
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('an attempt that fails', () => {
  test.each(['worker-lost', 'lease-lost'] as const)('by %s is followed by one more', (code) => {
    const { task, outcome } = taskWith();
    expect(failing(task, code, 1)).toEqual([expect.any(Number)]);
    expect(outcome()).toBeUndefined();
    expect(failing(task, code, 1)).toEqual([undefined]);
    expect(outcome()).toMatchObject({ code, mayHaveRun: true });
  });

  test.each(['thrown', 'timeout', 'exited', 'out-of-memory', 'not-shippable'] as const)(
    'by %s is the last one',
    (code) => {
      const { task, outcome } = taskWith();
      expect(failing(task, code, 1)).toEqual([undefined]);
      expect(outcome()).toBeInstanceOf(Error);
    },
  );

  test('is kept, of a submitted task, with the newest eight of its kind', () => {
    const { task } = taskWith({ retries: 12 }, true);
    failing(task, 'thrown', 10);
    expect(task.earlier?.map(({ attempt }) => attempt)).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('is followed by as many as retries says, with waits that double and are spread evenly', () => {
    jest.spyOn(Math, 'random').mockReturnValue(0.5);
    const { task, outcome } = taskWith({ retries: 3 });
    expect(failing(task, 'thrown', 4)).toEqual([50, 100, 200, undefined]);
    expect(outcome()).toEqual(new Error('its own'));
  });

  test('counts among all of them, whatever made the others fail', () => {
    const { task } = taskWith({ retries: 2 });
    expect(failing(task, 'timeout', 1)).toEqual([expect.any(Number)]);
    expect(failing(task, 'worker-lost', 1)).toEqual([expect.any(Number)]);
    expect(failing(task, 'thrown', 1)).toEqual([undefined]);
  });

  test('in a way that retryOn does not name is the last one', () => {
    const { task } = taskWith({ retries: 5, retryOn: ['timeout'] });
    expect(failing(task, 'timeout', 1)).toEqual([expect.any(Number)]);
    expect(failing(task, 'worker-lost', 1)).toEqual([undefined]);
  });

  test('after the task was settled changes nothing', () => {
    const { task, outcome } = taskWith({ retries: 5 });
    task.succeed('done');
    expect(failing(task, 'worker-lost', 2)).toEqual([undefined, undefined]);
    expect(outcome()).toBe('done');
  });
});

describe('a task that costs its workers', () => {
  test('is not tried again after three of them, and says so', () => {
    const { task, outcome } = taskWith({ retries: 10 });
    expect(failing(task, 'worker-lost', 3)).toEqual([expect.any(Number), expect.any(Number), undefined]);
    expect(outcome()).toMatchObject({
      code: 'poison',
      mayHaveRun: true,
      message: '`work` has cost 3 workers, and is not tried again; the last one: it was worker-lost',
      cause: { code: 'worker-lost' },
    });
  });

  test('has not, where it threw, ran too long, or only its lease was lost', () => {
    const { task, outcome } = taskWith({ retries: 10 });
    for (const code of ['thrown', 'timeout', 'lease-lost'] as const)
      expect(failing(task, code, 3)).toEqual(Array(3).fill(expect.any(Number)));
    expect(outcome()).toBeUndefined();
    failing(task, 'worker-lost', 1);
    failing(task, 'thrown', 1);
    expect(outcome()).toEqual(new Error('its own')); // The eleventh.
  });
});

describe('mayHaveRun', () => {
  test('is true of a task that failed before, whatever ends it in the end', () => {
    const cancel = new AbortController();
    const { task, outcome } = taskWith({ retries: 1, signal: cancel.signal });
    task.attemptFailed('timeout', gone('timeout'));
    task.handedBack(nowhere);
    cancel.abort();
    expect(outcome()).toMatchObject({ code: 'cancelled', mayHaveRun: true });
  });

  test('is false of a task that was handed back, as often as it may be', () => {
    const cancel = new AbortController();
    const { task, outcome } = taskWith({ signal: cancel.signal });
    task.handedBack(nowhere);
    task.sent(nowhere, 2);
    task.handedBack(nowhere);
    cancel.abort();
    expect(outcome()).toMatchObject({ code: 'cancelled', mayHaveRun: false });
  });

  test('is what the worker said of an attempt that could not begin', () => {
    const { task, outcome } = taskWith();
    task.attemptFailed('not-shippable', gone('not-shippable', false));
    expect(outcome()).toMatchObject({ code: 'not-shippable', mayHaveRun: false });
  });
});

test('waiting for the next attempt is waiting: queueTimeoutMs counts on from the waits before', () => {
  jest.useFakeTimers();
  try {
    const { task, outcome } = taskWith({ retries: 1, queueTimeoutMs: 100 });
    jest.advanceTimersByTime(5_000);
    task.attemptFailed('thrown', new Error('its own'));
    task.handedBack(nowhere);
    jest.advanceTimersByTime(99);
    expect(outcome()).toBeUndefined();
    jest.advanceTimersByTime(1);
    expect(outcome()).toMatchObject({ code: 'queue-timeout', mayHaveRun: true });
  } finally {
    jest.useRealTimers();
  }
});
