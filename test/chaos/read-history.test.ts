import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readAttempts } from '../../chaos/read-history.js';
import { Sandbox } from '../support/sandbox.js';

test('of each attempt a thread tells when it began, was seen last and ended, and when it gave no sign of life', async () => {
  await using sandbox = new Sandbox();
  const lines = ['begin 10 a', 'tick 30 a', 'tick 400 a', 'end 420 a', 'begin 421 b', 'tick 441 b', ''];
  writeFileSync(join(sandbox.dir, 'attempts-7-1.log'), lines.join('\n'));
  expect(readAttempts(sandbox.dir)).toEqual([
    {
      ...{ call: 'a', pid: 7, thread: 1, beganAt: 10, seenAt: 420, hasEnded: true },
      stalls: [{ from: 30, to: 400 }],
    },
    { call: 'b', pid: 7, thread: 1, beganAt: 421, seenAt: 441, hasEnded: false, stalls: [] },
  ]);
});
