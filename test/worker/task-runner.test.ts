import { describe, expect, test } from '@jest/globals';
import type { Outcome } from '../../src/wire/outcome.js';
import { Board } from '../../src/worker/board.js';
import { FunctionCache } from '../../src/worker/thread/function-cache.js';
import { TaskRunner } from '../../src/worker/thread/task-runner.js';
import type { ThreadMessage } from '../../src/worker/thread-messages.js';
import { UnaryOutbox } from '../../src/worker/thread/unary-outbox.js';
import { BARE, BareThread } from './bare-thread.js';

/** Runs a source with JSON arguments. Tells the outcome as text, and whether user code had begun. */
async function execute(source: string | undefined, args = '[]', functionId = String(source)) {
  return executeOn(new FunctionCache(process.cwd()), source, args, functionId);
}

async function executeOn(
  functions: FunctionCache,
  source: string | undefined,
  args: string,
  functionId: string,
) {
  const board = new Board();
  const tell = (message: ThreadMessage) => {
    if (message.type === 'settled') settle(message.outcome);
  };
  let settle!: (outcome: Outcome) => void;
  const settled = new Promise<Outcome>((resolve) => (settle = resolve));
  board.admit(1);
  new TaskRunner(board, functions, tell, BARE).add({
    epoch: 1,
    number: -1,
    count: 1,
    functionId,
    source: source === undefined ? undefined : { text: source, parts: [] },
    name: 'test',
    args: { encoding: 'JSON', data: Buffer.from(args) },
    isList: false,
    timeoutMs: undefined,
    cancelGraceMs: 500,
    outbox: new UnaryOutbox(1, tell),
  });
  const outcome = await settled;
  const begun = board.last.epoch === 1 ? 1 : 0;
  const result = outcome.kind === 'result' ? Buffer.from(outcome.result.data).toString() : undefined;
  const failure = outcome.kind === 'failure' ? outcome.failure : undefined;
  return { begun, result, failure, runMs: outcome.runMs };
}

describe('a task runner', () => {
  test('runs every form of function, and awaits what is promised', async () => {
    const forms = [
      '(a, b) => a + b',
      'function add(a, b) { return a + b; }',
      'async (a, b) => a + b',
      '(a, b) => new Promise((resolve) => setImmediate(resolve, a + b))',
      '(a, b) => ({ then: (resolve) => resolve(a + b) })',
      '// a comment at the end\n(a, b) => a + b // here',
    ];
    for (const form of forms) expect(await execute(form, '[2, 3]')).toMatchObject({ result: '5', begun: 1 });
  });

  test('answers null for a function that returns nothing', async () => {
    expect(await execute('() => {}')).toMatchObject({ result: 'null' });
  });

  test('says when code began, once, and not before its arguments are there', async () => {
    expect(await execute('() => 1', '[1,')).toMatchObject({
      begun: 0,
      failure: { code: 'invalid-argument', mayHaveRun: false },
    });
    expect(await execute('() => 1', '{"a":1}')).toMatchObject({
      begun: 0,
      failure: { code: 'invalid-argument', message: expect.stringContaining('array') },
    });
    expect(await execute('() => { throw 1; }')).toMatchObject({ begun: 1 });
  });

  test('tells in words what was thrown, whatever it is', async () => {
    const thrown = async (text: string) => (await execute(`() => { throw ${text}; }`)).failure;
    const base = { code: 'thrown', mayHaveRun: true };
    expect(await thrown('new RangeError("far")')).toMatchObject({
      ...base,
      name: 'RangeError',
      message: 'far',
    });
    expect(await thrown('"text"')).toMatchObject({ ...base, message: "'text'" });
    expect(await thrown('{ a: 1 }')).toMatchObject({ ...base, message: '{ a: 1 }' });
    expect(await thrown('undefined')).toMatchObject({ ...base, message: 'undefined' });
    expect(await thrown('Object.create(null)')).toMatchObject(base);
  });

  test('names the part of a result that cannot be sent', async () => {
    const { failure } = await execute('() => ({ list: [1, 10n] })');
    expect(failure).toMatchObject({
      code: 'not-cloneable',
      message: expect.stringContaining('the result.list[1]'),
    });
    expect((await execute('() => () => 1')).failure).toMatchObject({
      code: 'not-cloneable',
      mayHaveRun: true,
    });
  });

  test('refuses what does not compile, or is no function', async () => {
    for (const source of ['nonsense (', '42', '({})', 'throw 1', '']) {
      expect((await execute(source)).failure).toMatchObject({ code: 'not-shippable', mayHaveRun: false });
    }
  });

  test('knows a function by its id once it has had its source', async () => {
    const functions = new FunctionCache(process.cwd());
    const byId = () => executeOn(functions, undefined, '[]', 'the-id');
    expect(await byId()).toMatchObject({ begun: 0, failure: { code: 'code-unknown', mayHaveRun: false } });
    expect(await executeOn(functions, '() => "known"', '[]', 'the-id')).toMatchObject({ result: '"known"' });
    expect(await byId()).toMatchObject({ result: '"known"' });
  });

  test('keeps what a hostile result says about itself away from the outcome', async () => {
    expect(await execute('() => ({ toJSON() { throw new Error("no"); } })')).toMatchObject({
      failure: { mayHaveRun: true },
    });
    expect((await execute('() => { const a = []; a.push(a); return a; }')).failure?.code).toBe(
      'not-cloneable',
    );
    expect((await execute('() => { throw { get message() { throw 1; } }; }')).failure?.code).toBe('thrown');
  });
});

describe('a list of tasks', () => {
  test('is run in order, each with its own arguments, and numbered from the first', async () => {
    const thread = new BareThread();
    const inOrder = '(() => { let calls = 0; return (a, b) => `${calls++}: ${a + b}`; })()';
    thread.add(inOrder, [[1, 2], ['a', 'b'], [0.5]], { number: 7 });
    expect(await thread.outcomes(3)).toEqual([
      [7, '0: 3'],
      [8, '1: ab'],
      [9, '2: NaN'],
    ]);
    expect(thread.board.last).toEqual({ epoch: 1, number: 9 });
    expect(thread.board.counters).toMatchObject({ completed: 3, failed: 0 });
  });

  test('waits for each promise before the next task begins', async () => {
    const thread = new BareThread();
    const running = `(() => {
      let running = 0;
      return (a) => {
        const before = running++;
        if (a === 'at once') return running--, before;
        return new Promise((resolve) => setImmediate(() => (running--, resolve(before))));
      };
    })()`;
    thread.add(running, [['later'], ['at once'], ['later'], ['later'], ['at once']]);
    expect(await thread.outcomes(5)).toEqual([1, 2, 3, 4, 5].map((number) => [number, 0]));
  });

  test('comes after the lists before it, even where those wait for promises', async () => {
    const thread = new BareThread();
    thread.add('async (a) => a', [['a'], ['b']]);
    thread.add('(a) => a', [['c'], ['d']], { number: 3 });
    thread.add('async (a) => a', [['e']], { number: 5 });
    expect(await thread.outcomes(5)).toEqual(['a', 'b', 'c', 'd', 'e'].map((a, index) => [index + 1, a]));
  });

  test('goes on after a task that failed, at once or later', async () => {
    const thread = new BareThread();
    const failing = `(a) => {
      if (a === 'throws') throw new Error('thrown');
      return a === 'rejects' ? Promise.reject(new Error('rejected')) : a === 'uncloneable' ? () => 1 : a;
    }`;
    thread.add(failing, [['a'], ['throws'], ['b'], ['rejects'], ['c'], ['uncloneable'], ['d']]);
    expect(await thread.outcomes(7)).toEqual([
      [1, 'a'],
      [2, 1, 'thrown', 'thrown'],
      [3, 'b'],
      [4, 1, 'thrown', 'rejected'],
      [5, 'c'],
      [6, 1, 'not-cloneable', expect.stringContaining('the result')],
      [7, 'd'],
    ]);
    expect(thread.board.counters).toMatchObject({ completed: 4, failed: 3 });
  });

  test('goes on after a failure only when that is on its way', async () => {
    const thread = new BareThread();
    const order: string[] = [];
    // Later than the runner looks again.
    thread.write = (onWritten) =>
      setImmediate(() => setImmediate(() => setImmediate(() => (order.push('written'), onWritten()))));
    thread.whenBegun(2, () => order.push('begun'));
    thread.add('(a) => { if (a) throw a; }', [['first'], [false]], { timeoutMs: 500 });
    expect(await thread.outcomes(2)).toEqual([
      [1, 1, 'thrown', "'first'"],
      [2, undefined],
    ]);
    expect(order).toEqual(['written', 'begun']);
  });

  test('is refused as a whole where nobody knows its function', async () => {
    const thread = new BareThread();
    thread.add(undefined, [[1], [2], [3]]);
    expect(await thread.outcomes(3)).toEqual([[1, 3, 'code-unknown', expect.any(String)]]);
    expect(thread.board.last).toEqual({ epoch: 0, number: 0 });
  });

  test('fails as a whole where its function does not compile, and counts as nothing that ran', async () => {
    const thread = new BareThread();
    thread.add('nonsense (', [[1], [2], [3]]);
    expect(await thread.outcomes(3)).toEqual([[1, 3, 'not-shippable', expect.any(String)]]);
    expect(thread.board.counters).toMatchObject({ completed: 0, failed: 0 });
    expect(thread.board.isRunning).toBe(false);
  });

  test.each<[string, unknown]>([
    ['too few', [[1], [2]]],
    ['too many', [[1], [2], [3], [4]]],
    ['not all arrays', [[1], 2, [3]]],
    ['no array at all', 'abc'],
  ])('fails as a whole when its lists of arguments are %s', async (_, lists) => {
    const thread = new BareThread();
    thread.add('() => 1', lists, { count: 3 });
    expect(await thread.outcomes(3)).toEqual([
      [1, 3, 'invalid-argument', expect.stringContaining('3 arrays of arguments')],
    ]);
    expect(thread.board.last.number).toBe(0);
  });

  test('says when a task begins only where it has a time limit', async () => {
    const thread = new BareThread();
    thread.add('(a) => a', [[1], [2]]);
    thread.add('async (a) => a', [[3], [4]], { number: 3, timeoutMs: 500 });
    await thread.outcomes(4);
    expect(thread.told).toEqual(
      [3, 4].map((number) => ({ type: 'begun', epoch: 1, number, timeoutMs: 500 })),
    );
  });
});
