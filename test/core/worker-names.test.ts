import { expect, test } from '@jest/globals';
import { rankOf, WorkerNames } from '../../src/core/worker-names.js';

test('names are the first that are free, and are free again when they were given back', () => {
  const names = new WorkerNames();
  expect([names.take(), names.take(), names.take()]).toEqual(['worker-1', 'worker-2', 'worker-3']);
  names.giveBack('worker-2');
  expect([names.take(), names.take()]).toEqual(['worker-2', 'worker-4']);
});

test('a name that is wished for is given where nobody has it', () => {
  const names = new WorkerNames();
  expect([names.take('worker-7'), names.take('worker-7'), names.take()]).toEqual([
    'worker-7',
    'worker-1',
    'worker-2',
  ]);
});

test('the rank of a worker is the number in its name; one without comes last', () => {
  expect(['worker-2', 'worker-10', 'other'].sort((a, b) => rankOf(a) - rankOf(b))).toEqual([
    'worker-2',
    'worker-10',
    'other',
  ]);
});
