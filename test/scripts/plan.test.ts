import { expect, test } from '@jest/globals';
import { parseHeader } from '../../src/scripts/header.js';
import { plan, timeLeftMs } from '../../src/scripts/plan.js';
import type { ScriptResult, ScriptState } from '../../src/scripts/results.js';
import type { Script } from '../../src/scripts/script.js';

const script = (name: string, header: Script['header'] = {}): Script => ({
  name,
  file: `/${name}`,
  hash: `hash of ${name}`,
  start: { kind: 'node' },
  header,
});

const result = (name: string, state: ScriptState, ms: number): ScriptResult => ({
  name,
  hash: `hash of ${name}`,
  state,
  exitCode: 0,
  signal: null,
  ms,
  attempts: 1,
  worker: 'worker-1',
  failure: null,
  stderr: '',
  files: [],
  kept: false,
});

const DEFAULTS = { isResumed: false, isLongestFirst: false, batch: 1 };
const namesOf = (batches: Script[][]) => batches.map((batch) => batch.map(({ name }) => name).join(' '));

test('scripts run in the order of their names, higher priorities first', () => {
  const { batches } = plan(
    [script('a'), script('b', { priority: 5 }), script('c', { priority: -1 })],
    [],
    DEFAULTS,
  );
  expect(namesOf(batches)).toEqual(['b', 'a', 'c']);
});

test('longest-first takes those first of which nothing is known, and never goes before a priority', () => {
  const last = [result('a', 'succeeded', 10), result('b', 'failed', 30), result('d', 'succeeded', 1)];
  const scripts = [script('a'), script('b'), script('c'), script('d', { priority: 1 })];
  const { batches } = plan(scripts, last, { ...DEFAULTS, isLongestFirst: true });
  expect(namesOf(batches)).toEqual(['d', 'c', 'b', 'a']);
});

test('a resumed run keeps what succeeded and has not changed', () => {
  const changed = { ...script('c'), hash: 'another' };
  const last = [
    result('a', 'succeeded', 1),
    result('b', 'failed', 1),
    result('c', 'succeeded', 1),
    result('x', 'succeeded', 1),
  ];
  const planned = plan([script('a'), script('b'), changed, script('d')], last, {
    ...DEFAULTS,
    isResumed: true,
  });
  expect(planned.kept).toEqual([{ ...last[0], kept: true }]);
  expect(namesOf(planned.batches)).toEqual(['b', 'c', 'd']);
});

test('batches hold small scripts that ask for nothing of their own', () => {
  const scripts = ['a', 'b', 'long', 'c', 'd'].map((name) => script(name));
  scripts.push(script('e', { retries: 1 }), script('f', { timeoutMs: 5 }));
  const { batches } = plan(scripts, [result('long', 'succeeded', 5_000)], { ...DEFAULTS, batch: 3 });
  expect(namesOf(batches)).toEqual(['a b c', 'long', 'd f', 'e']);
});

test('the time left is what is known of the rest, else the mean, shared by those that run', () => {
  expect(timeLeftMs([undefined, undefined], [], 2)).toBeUndefined();
  expect(timeLeftMs([1_000, undefined, undefined], [200, 400], 2)).toBe(800);
  expect(timeLeftMs([1_000], [], 4)).toBe(1_000);
  expect(timeLeftMs([], [200], 2)).toBe(0);
});

test.each([
  ['// offhand: priority=10 timeout=30s retries=2\ncode()', { priority: 10, timeoutMs: 30_000, retries: 2 }],
  ['#!/bin/sh\n\n# about it\n# offhand: timeout=500ms\necho', { timeoutMs: 500 }],
  ['/* offhand: retries=0 */ code()', { retries: 0 }],
  ['/**\n * offhand: priority=-3\n */', { priority: -3 }],
  ['code()\n// offhand: priority=10', {}],
  ['// offhands: priority=10', {}],
])('the header of %j is %j', (text, header) => {
  expect(parseHeader('x.js', text)).toEqual(header);
});

test.each([
  ['// offhand: priority=high', /^x\.js:1: priority: expected a whole number from -100 to 100, got "high"$/],
  ['# offhand: timeout=0', /^x\.js:1: timeout: expected more than 0, got "0"$/],
  [
    '\n# offhand: timeout=soon',
    /^x\.js:2: timeout: expected a duration such as 500ms, 30s or 1h, got "soon"$/,
  ],
  ['// offhand: retries=-1', /^x\.js:1: retries: expected a whole number up to 1000, got -1$/],
  [
    '// offhand: nice=1',
    /^x\.js:1: expected priority=N, timeout=30s or retries=N after `offhand:`, got "nice=1"$/,
  ],
])('the header of %j is refused', (text, message) => {
  expect(() => parseHeader('x.js', text)).toThrow(message);
});
