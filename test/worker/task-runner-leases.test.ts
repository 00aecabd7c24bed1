import { describe, expect, test } from '@jest/globals';
import { BareThread } from './bare-thread.js';

describe('a task runner, when the lease ends', () => {
  test('in the middle of a list, what runs ends, and the rest does not begin', async () => {
    const thread = new BareThread();
    thread.whenBegun(3, () => thread.board.end(1));
    thread.add('(a) => a', [['a'], ['b'], ['c'], ['d'], ['e']], { timeoutMs: 500 });
    expect(await thread.outcomes(5)).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
      [4, 2, 'not begun'],
    ]);
    expect(thread.board.counters.completed).toBe(3);
    expect(thread.idles).toBeGreaterThan(0);
  });

  test('while a promise is awaited, its result still counts, and what is in line does not begin', async () => {
    const thread = new BareThread();
    thread.whenBegun(1, () => thread.board.end(1));
    thread.add('async (a) => a', [['a'], ['b'], ['c']], { timeoutMs: 500 });
    thread.add('(a) => a', [['d']], { number: 4 });
    expect(await thread.outcomes(4)).toEqual([
      [1, 'a'],
      [2, 2, 'not begun'],
      [4, 1, 'not begun'],
    ]);
    expect(thread.idles).toBeGreaterThan(0);
  });

  test('before a list comes, none of it begins, and the slot is said to be idle', async () => {
    const thread = new BareThread();
    thread.board.end(1);
    thread.add('(a) => a', [['a'], ['b']]);
    expect(await thread.outcomes(2)).toEqual([[1, 2, 'not begun']]);
    expect(thread.told).toEqual([{ type: 'idle' }]);
  });

  test('before an isolated task begins, no thread is started for it: that would hold up all behind it', async () => {
    const thread = new BareThread();
    thread.board.admit(2);
    thread.add('(a) => a', ['a'], { isolate: true, isList: false, count: 1 });
    thread.add('(a) => a', [['b']], { epoch: 2, number: 2 });
    expect(await thread.outcomes(2)).toEqual([
      [1, 1, 'not begun'],
      [2, 'b'],
    ]);
  });

  test('with its last task, the slot is said to be idle; under a lease that goes on it is not', async () => {
    const thread = new BareThread();
    thread.add('(a) => a', [['a'], ['b']]);
    await thread.outcomes(2);
    expect(thread.idles).toBe(0);
    thread.whenBegun(3, () => thread.board.admit(2));
    thread.add('async (a) => a', [['c']], { number: 3, timeoutMs: 500 });
    await thread.outcomes(3);
    expect(thread.told.map(({ type }) => type)).toEqual(['begun', 'idle']);
  });

  test('the next lease is served at once', async () => {
    const thread = new BareThread();
    thread.whenBegun(1, () => thread.board.admit(2));
    thread.add('async (a) => a', [['a'], ['b']], { timeoutMs: 500 });
    thread.add('(a) => a', [['c']], { epoch: 2, number: 3 });
    expect(await thread.outcomes(3)).toEqual([
      [1, 'a'],
      [2, 1, 'not begun'],
      [3, 'c'],
    ]);
  });

  test('by the holder hanging up, nothing more begins for it', async () => {
    const thread = new BareThread();
    thread.whenBegun(1, () => (thread.outbox.isClosed = true));
    thread.add('async (a) => a', [['a'], ['b']], { timeoutMs: 500 });
    thread.add('(a) => a', [['c']], { number: 3 });
    const other = new BareThread();
    thread.add('(a) => a', [['d']], { number: 4, outbox: other.outbox });
    expect(await other.outcomes(1)).toEqual([[4, 'd']]);
    expect(thread.board.counters).toMatchObject({ completed: 2, failed: 0 });
    expect(thread.board.isRunning).toBe(false);
  });
});
