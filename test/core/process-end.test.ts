import { expect, test } from '@jest/globals';
import { explainEnd } from '../../src/core/process-end.js';

const ended = (signal: string | null, code: number | null = null, slots = 1) =>
  explainEnd('worker-2', slots, { signal, code });

test.each(['SIGABRT', 'SIGTRAP'])('%s is V8 without memory, of a task that ran alone', (signal) => {
  expect(ended(signal)).toMatchObject({ code: 'out-of-memory', message: expect.stringContaining(signal) });
  expect(ended(signal, null, 2)).toMatchObject({ code: 'worker-lost' });
});

test.each([
  ['SIGKILL', null, 'the process of worker-2 was killed (SIGKILL)'],
  ['SIGSEGV', null, 'native code crashed the process of worker-2 (SIGSEGV)'],
  ['SIGTERM', null, 'the process of worker-2 ended (SIGTERM)'],
  [null, 3, 'the process of worker-2 ended (code 3)'],
])('%s, code %s: the worker was lost, and it says how', (signal, code, words) => {
  expect(ended(signal, code)).toMatchObject({
    code: 'worker-lost',
    message: expect.stringContaining(words),
  });
});
