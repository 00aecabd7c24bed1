import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { Intake } from '../../src/queue/intake.js';

/** Requests with so many tasks each, and which of them were let in so far. */
function requests(intake: Intake, ...counts: number[]) {
  const letIn: number[] = [];
  const all = Promise.all(
    counts.map((count, number) => intake.take(count, () => Promise.resolve(letIn.push(number)))),
  );
  return { letIn, all };
}

test('while nobody asks for a worker, all are let in at once', async () => {
  const { letIn } = requests(new Intake(), 200, 200, 200);
  await turn();
  expect(letIn).toEqual([0, 1, 2]);
});

test('beside somebody who asks, each has its time, in their order', async () => {
  const intake = new Intake();
  intake.giveWay();
  const startedAt = performance.now();
  const { letIn, all } = requests(intake, 1_000, 1_000, 1_000);
  await turn();
  expect(letIn).toEqual([0]);
  await all;
  expect(letIn).toEqual([0, 1, 2]);
  // 15 µs a task; timers may be a ms early.
  expect(performance.now() - startedAt).toBeGreaterThan(28);
});

test('beside somebody who asks, single tasks are let in together, for as many as a ms has room for', async () => {
  const intake = new Intake();
  intake.giveWay();
  const { letIn, all } = requests(intake, ...Array<number>(70).fill(1));
  await turn();
  expect(letIn).toHaveLength(67);
  await all;
});

test('a request that fails holds up no other', async () => {
  const intake = new Intake();
  const refused = intake.take(1, () => Promise.reject(new Error('refused')));
  await expect(refused).rejects.toThrow('refused');
  expect(await intake.take(1, () => Promise.resolve('in'))).toBe('in');
});
