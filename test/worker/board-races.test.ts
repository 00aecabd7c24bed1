import { describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { Worker as Thread } from 'node:worker_threads';
import { Board } from '../../src/worker/board.js';

// Words that both sides of the race below wait for each other with.
const ROUND = 0;
const BEGUN = 1;
const ACCEPTED = 2;
const LOOKED = 3;

/** Waits awake, so that both sides go on in the same instant; where that takes long, lets others have the processor. */
function until(words: Int32Array, at: number, value: number): void {
  const limit = performance.now() + 10_000;
  for (let tries = 1; ; tries++) {
    const found = Atomics.load(words, at);
    if (found === value) return;
    if (tries % 5_000 === 0) Atomics.wait(words, at, found, 1);
    if (performance.now() > limit) throw new Error(`the other side is not at ${value} after 10 s`);
  }
}

/** A thread that begins one task per round, under the lease of that number, when the main thread ends that lease. */
const RACER = `
${until.toString()}
const { workerData } = require('node:worker_threads');
void import(workerData.url).then(({ Board }) => {
  const board = new Board(workerData.board);
  const words = new Int32Array(workerData.words);
  const tell = (at, value) => { Atomics.store(words, at, value); Atomics.notify(words, at); };
  for (let round = 1; round <= workerData.rounds; round++) {
    board.admit(round);
    until(words, ${ROUND}, round);
    const isAccepted = board.begin(round, 1, 'racer');
    Atomics.store(words, ${ACCEPTED}, isAccepted ? 1 : 0);
    tell(${BEGUN}, round);
    until(words, ${LOOKED}, round);
    if (isAccepted) board.finish(true);
    tell(${BEGUN}, -round);
  }
});`;

describe('a lease that ends in the instant in which a task begins', () => {
  test('either the task is refused, or the main thread sees that it runs', async () => {
    const rounds = 1_000;
    const board = new Board();
    const words = new Int32Array(new SharedArrayBuffer(16));
    const url = new URL('../../dist/worker/board.js', import.meta.url).href;
    const workerData = { url, board: board.buffer, words: words.buffer, rounds };
    const thread = new Thread(RACER, { eval: true, workerData });
    await once(thread, 'online');
    const tell = (at: number, value: number) => {
      Atomics.store(words, at, value);
      Atomics.notify(words, at);
    };
    const unseen: number[] = [];
    let accepted = 0;
    for (let round = 1; round <= rounds; round++) {
      tell(ROUND, round);
      // Some rounds give the thread a head start, of some loads.
      for (let load = round % 8; load > 0; load--) Atomics.load(words, BEGUN);
      board.end(round);
      const isSeen = board.isRunning;
      until(words, BEGUN, round);
      const isAccepted = Atomics.load(words, ACCEPTED) === 1;
      if (isAccepted && !isSeen) unseen.push(round);
      if (isAccepted) accepted += 1;
      tell(LOOKED, round);
      until(words, BEGUN, -round);
      if (board.isRunning) throw new Error(`round ${round}: a task that has ended is said to run`);
    }
    await thread.terminate();
    expect(unseen).toEqual([]);
    expect(board.counters.completed).toBe(accepted);
  });
});

/** A thread whose tasks run for two milliseconds each, one after the other. */
const BUSY = `
const { workerData } = require('node:worker_threads');
void import(workerData.url).then(({ Board }) => {
  const board = new Board(workerData.board);
  board.admit(1);
  for (let number = 1; number <= 300; number++) {
    board.begin(1, number, 'task');
    const end = board.now() + 2;
    while (board.now() < end);
    board.finish(true);
  }
});`;

describe('time spent running, read in the instant in which a task ends', () => {
  test('does not count that task twice, to take it back in the next instant', async () => {
    const board = new Board();
    const url = new URL('../../dist/worker/board.js', import.meta.url).href;
    const thread = new Thread(BUSY, { eval: true, workerData: { url, board: board.buffer } });
    const ended = once(thread, 'exit');
    let last = board.counters;
    let takenBack = 0;
    const limit = performance.now() + 10_000;
    while (last.completed < 300 && performance.now() < limit) {
      const counters = board.counters;
      if (counters.busyMs < last.busyMs - 1) takenBack += 1;
      last = counters;
    }
    await ended;
    expect(last.completed).toBe(300);
    // The thread may lose the processor between its look at the clock and the word it writes.
    expect(takenBack).toBeLessThan(5);
  });
});
