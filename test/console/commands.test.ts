import { expect, test } from '@jest/globals';
import { complete, nameOf, parseCommand } from '../../src/cli/console/commands.js';
import { pictureOf } from '../../src/cli/console/picture.js';

test.each([
  ['add 5', { kind: 'add', count: 1, work: { kind: 'wait', ms: 5_000 }, priority: undefined }],
  ['  add   3x2s ', { kind: 'add', count: 3, work: { kind: 'wait', ms: 2_000 }, priority: undefined }],
  ['add 500ms priority=-5', { kind: 'add', count: 1, work: { kind: 'wait', ms: 500 }, priority: -5 }],
  [
    'add 2xprimes 200000',
    { kind: 'add', count: 2, work: { kind: 'primes', below: 200_000 }, priority: undefined },
  ],
  ['priority 10', { kind: 'priority', priority: 10 }],
  ['cancel 7', { kind: 'cancel', task: '7' }],
  ['scale 6', { kind: 'scale', workers: 6 }],
  ['drain worker-2', { kind: 'drain', worker: 'worker-2' }],
  ['policy', { kind: 'policy', policy: undefined }],
  ['policy least-remaining', { kind: 'policy', policy: 'least-remaining' }],
  ['status # how it is', { kind: 'status' }],
  ['', { kind: 'nothing' }],
])('%j means %j', (line, command) => {
  expect(parseCommand(line)).toEqual(command);
});

test.each([
  ['ad 5', /^ad: no such command; there are add, /],
  ['add', /^add: expected a duration or primes N, such as add 5/],
  ['add 5 6', /^add: expected a duration or primes N/],
  ['add soon', /^add: expected a duration such as 500ms, 30s or 1h, got "soon"$/],
  ['add primes', /^add primes: expected a whole number from 2, got ""$/],
  ['add 0x5', /^add: expected a whole number from 1, got "0"$/],
  ['add 99999x5', /^add: expected at most 10000 tasks at once, got 99999$/],
  ['add 5 priority=high', /^priority: expected a whole number from -100 to 100, got "high"$/],
  ['cancel it', /^cancel: expected the number of a task/],
  ['scale few', /^scale: expected a whole number from 0, got "few"$/],
  ['drain', /^drain: expected the name of a worker/],
  ['policy fair', /^policy: expected first-free, .*, got fair$/],
])('%j is refused in one sentence', (line, message) => {
  expect(() => parseCommand(line)).toThrow(message);
});

test('commands, policies and the names of workers are completed', () => {
  const workers = ['worker-1', 'worker-2'];
  expect(complete('p', workers)).toEqual([['priority ', 'policy '], 'p']);
  expect(complete('drain ', workers)).toEqual([['worker-1 ', 'worker-2 '], '']);
  expect(complete('policy le', workers)).toEqual([['least-remaining '], 'le']);
  expect(complete('add 5 pr', workers)).toEqual([['primes ', 'priority='], 'pr']);
  expect(complete('status x', workers)).toEqual([[], 'x']);
});

test('the picture counts down what is known, and counts up the rest', () => {
  const usage = { tags: [], version: '', cpu_ms: 0, uptime_ms: 0, rss_bytes: 0, deaths: 0 };
  const counts = { slots: 1, completed: 0, failed: 0 };
  const worker = { host: '', port: 0, pid: 0, phase: 'running', ...counts, ...usage };
  const running = (id: string, name: string, ran: number, left: number | null) => ({
    task_id: id,
    name,
    running_ms: ran,
    remaining_ms: left,
  });
  const status = {
    workers: [
      { ...worker, worker: 'worker-1', busy: true, tasks: [running('a', 'wait 5s', 1_000, null)] },
      { ...worker, worker: 'worker-2', busy: true, tasks: [running('x', 'render', 2_000, null)] },
      { ...worker, worker: 'worker-3', busy: true, tasks: [running('y', 'known', 0, 3_000)] },
      { ...worker, worker: 'worker-4', busy: false, tasks: [], phase: 'draining' },
    ],
    queue: { pending: 0, tasks: [] },
    wanted: 4,
    http_address: null,
    policy: '',
    code: 'any',
  };
  const known = new Map([
    ['a', { number: 1, name: 'wait 5s', ms: 5_000 }],
    ['b', { number: 2, name: 'wait 2s', ms: 2_000 }],
  ]);
  const waiting = [
    { id: 'b', name: 'wait 2s' },
    { id: 'z', name: 'foreign' },
  ];
  expect(pictureOf({ status, ageMs: 500, waiting, known })).toEqual([
    'worker-1   #1 wait 5s, 3.5 s left',
    'worker-2   render, 2.5 s so far',
    'worker-3   known, 2.5 s left',
    'worker-4   free (draining)',
    'queue      2: #2 wait 2s, foreign',
  ]);
  expect(pictureOf({ status: { ...status, workers: [] }, ageMs: 0, waiting: [], known })).toEqual([
    'queue      empty',
  ]);
  expect(nameOf({ kind: 'primes', below: 7 })).toBe('primes 7');
});
