import { describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { Worker as Thread } from 'node:worker_threads';
import { waitFor } from '../support/wait.js';
import { Board } from '../../src/worker/board.js';

/** The main thread's view of a board, and that of the slot's thread. */
function twoSides(): { main: Board; thread: Board } {
  const main = new Board();
  return { main, thread: new Board(main.buffer) };
}

/** Returns once the clock has moved. */
function passTime(board: Board): void {
  const before = board.now();
  while (board.now() - before < 0.01);
}

describe('leases on a board', () => {
  test('an unused board knows of no lease, and nothing runs', () => {
    const { main } = twoSides();
    expect([main.newest, main.admitted, main.isRunning, main.running]).toEqual([0, 0, false, undefined]);
    expect(main.last).toEqual({ epoch: 0, number: 0 });
    expect(main.counters).toEqual({ busyMs: 0, completed: 0, failed: 0 });
  });

  test('a lease is admitted as often as it comes, and each side sees what the other admitted', () => {
    const { main, thread } = twoSides();
    expect([thread.admit(3), thread.admit(3), main.admit(3)]).toEqual([true, true, true]);
    expect([main.admitted, main.newest, main.isOver(3)]).toEqual([3, 3, false]);
  });

  test('a newer lease ends the older one, which is not admitted again', () => {
    const { main, thread } = twoSides();
    thread.admit(3);
    main.admit(5);
    expect([3, 4, 5, 6].map((epoch) => thread.isOver(epoch))).toEqual([true, true, false, false]);
    expect([thread.admit(3), thread.admit(4), main.admitted]).toEqual([false, false, 5]);
  });

  test('while the worker is cut off no lease is admitted, known or not; those admitted before are not over by that', () => {
    const { main, thread } = twoSides();
    thread.admit(3);
    main.isCutOff = true;
    expect([thread.admit(3), thread.admit(4), main.admit(5)]).toEqual([false, false, false]);
    expect([main.admitted, main.isOver(3), thread.begin(3, 1, 'f')]).toEqual([3, false, true]);
    main.isCutOff = false;
    expect([thread.admit(4), main.admitted]).toEqual([true, 4]);
  });

  test('a lease that was ended is over, and so is every one before it', () => {
    const { main, thread } = twoSides();
    thread.admit(5);
    main.end(5);
    expect([4, 5, 6].map((epoch) => thread.isOver(epoch))).toEqual([true, true, false]);
    expect([thread.admit(5), thread.admit(6)]).toEqual([false, true]);
  });

  test('a lease can be ended before it is heard of: then it is never admitted', () => {
    const { main, thread } = twoSides();
    main.end(7);
    expect([main.newest, main.admitted, thread.isOver(7)]).toEqual([7, 0, true]);
    expect([thread.admit(7), thread.begin(7, 1, 'task'), main.isRunning]).toEqual([false, false, false]);
  });

  test('nothing begins on a board that is closed, and the epochs seen stay true', () => {
    const { main, thread } = twoSides();
    thread.admit(5);
    main.close();
    expect([thread.admit(5), thread.admit(2 ** 53 - 1), thread.begin(5, 1, 'task')]).toEqual([
      false,
      false,
      false,
    ]);
    main.end(6);
    expect([main.newest, main.admitted, thread.isOver(7)]).toEqual([5, 5, true]);
  });

  test('the late end of an older lease leaves the newer one as it is', () => {
    const { main, thread } = twoSides();
    main.end(6);
    main.admit(8);
    main.end(4);
    expect([main.newest, thread.isOver(6), thread.isOver(8), thread.begin(8, 1, 'task')]).toEqual([
      8,
      true,
      false,
      true,
    ]);
  });

  test('a board that has seen an epoch not over sees when it is', () => {
    const { main, thread } = twoSides();
    thread.admit(2);
    expect(thread.isOver(2)).toBe(false);
    main.end(2);
    expect(thread.isOver(2)).toBe(true);
  });

  test('epochs may go beyond 32 bits', () => {
    const { main, thread } = twoSides();
    const epoch = 2 ** 50;
    expect([thread.admit(epoch), main.admitted]).toEqual([true, epoch]);
    main.end(epoch);
    expect([thread.isOver(epoch), thread.isOver(epoch + 1)]).toEqual([true, false]);
  });
});

describe('tasks on a board', () => {
  test('what begins is seen from the other side, until it ends', () => {
    const { main, thread } = twoSides();
    thread.admit(2);
    expect(thread.begin(2, 9, 'resize')).toBe(true);
    passTime(main);
    expect(main.running).toEqual({
      epoch: 2,
      number: 9,
      taskId: '2.9',
      name: 'resize',
      runningMs: expect.any(Number),
    });
    expect(main.running?.runningMs).toBeGreaterThan(0);
    expect(main.idleMs).toBe(0);
    thread.finish(true);
    passTime(main);
    expect([main.isRunning, main.running, main.last]).toEqual([false, undefined, { epoch: 2, number: 9 }]);
    expect(main.idleMs).toBeGreaterThan(0);
  });

  test('nothing begins under a lease that is over, and what runs goes on', () => {
    const { main, thread } = twoSides();
    thread.admit(1);
    thread.begin(1, 1, 'first');
    main.end(1);
    expect(main.running).toMatchObject({ epoch: 1, number: 1 });
    thread.finish(true);
    expect([thread.begin(1, 2, 'second'), main.isRunning]).toEqual([false, false]);
    expect(main.counters).toMatchObject({ completed: 1, failed: 0 });
  });

  test('a name of many bytes arrives as it is, one after the other, short after long', () => {
    const { main, thread } = twoSides();
    thread.admit(1);
    for (const name of ['verkleinern', 'größer', '画像を縮小する', '🦀', 'a', '']) {
      thread.begin(1, 1, name);
      expect(main.running?.name).toBe(name);
      thread.finish(true);
    }
  });

  test.each([
    ['x'.repeat(300), 'x'.repeat(256)],
    ['é'.repeat(200), 'é'.repeat(128)],
    ['a' + '日'.repeat(100), 'a' + '日'.repeat(85)],
    ['abc' + '🦀'.repeat(100), 'abc' + '🦀'.repeat(63)],
  ])('a name that is too long is cut, between two characters (%#)', (name, shown) => {
    const { main, thread } = twoSides();
    thread.admit(1);
    thread.begin(1, 1, name);
    expect(main.running?.name).toBe(shown);
  });

  test('counts what completed, what failed, and neither where a task turned out to be none', () => {
    const { main, thread } = twoSides();
    thread.admit(1);
    for (const [index, isCompleted] of [true, false, undefined, true, undefined].entries()) {
      thread.begin(1, index + 1, 'task');
      thread.finish(isCompleted);
    }
    expect(main.counters).toMatchObject({ completed: 2, failed: 1 });
    expect(main.isRunning).toBe(false);
  });

  test('time spent running grows while a task runs, and not between tasks', () => {
    const { main, thread } = twoSides();
    thread.admit(1);
    thread.begin(1, 1, 'task');
    passTime(main);
    const { busyMs: first } = main.counters;
    passTime(main);
    const { busyMs: second } = main.counters;
    expect([first > 0, second > first]).toEqual([true, true]);
    thread.finish(undefined);
    const { busyMs } = main.counters;
    passTime(main);
    expect([busyMs >= second, main.counters.busyMs]).toEqual([true, busyMs]);
  });

  test('the main thread ends the task of a thread that is gone, and its successor goes on counting', () => {
    const { main, thread } = twoSides();
    thread.admit(1);
    thread.begin(1, 1, 'fatal');
    main.finish(false);
    const successor = new Board(main.buffer);
    expect([main.isRunning, successor.admit(2), successor.begin(2, 1, 'next')]).toEqual([false, true, true]);
    successor.finish(true);
    expect(main.counters).toMatchObject({ completed: 1, failed: 1 });
  });
});

/** Tells so much that somebody has to listen. */
const TELLER = `
const { workerData } = require('node:worker_threads');
void import(workerData.url).then(({ Board }) => {
  const board = new Board(workerData.board);
  const told = new Int32Array(workerData.told);
  for (let count = 1; count <= 1_200; count++) {
    board.newsSent();
    Atomics.store(told, 0, count);
  }
});`;

describe('news on a board', () => {
  test('a thread that tells too much waits until the main thread has taken half of it', async () => {
    const board = new Board();
    const told = new Int32Array(new SharedArrayBuffer(4));
    const thread = new Thread(TELLER, {
      eval: true,
      workerData: {
        board: board.buffer,
        told: told.buffer,
        url: new URL('../../dist/worker/board.js', import.meta.url).href,
      },
    });
    const ended = once(thread, 'exit');
    await waitFor('the thread to have told enough', () => Atomics.load(told, 0) >= 999);
    for (let taken = 0; taken < 499; taken++) board.newsTaken();
    expect(Atomics.load(told, 0)).toBe(999);
    board.newsTaken();
    await ended;
    expect(Atomics.load(told, 0)).toBe(1_200);
  });

  test('only a task that has asked for its signal has a grace, and the next one has none', () => {
    const { main, thread } = twoSides();
    thread.admit(1);
    thread.begin(1, 1, 'f');
    expect(main.graceMs).toBe(0);
    thread.heed(499.5);
    expect(main.graceMs).toBe(500);
    thread.finish(true);
    expect(main.graceMs).toBe(0);
    thread.begin(1, 2, 'f');
    expect(main.graceMs).toBe(0);
  });
});
