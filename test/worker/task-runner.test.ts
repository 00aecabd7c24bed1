import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Outcome } from '../../src/wire/outcome.js';
import { Board } from '../../src/worker/board.js';
import { FunctionCache } from '../../src/worker/function-cache.js';
import { TaskRunner } from '../../src/worker/task-runner.js';
import type { ThreadMessage } from '../../src/worker/thread-messages.js';
import { UnaryOutbox } from '../../src/worker/unary-outbox.js';

/** Runs a source with JSON arguments. Tells the outcome as text, and whether user code had begun. */
async function execute(source: string | undefined, args = '[]', functionId = String(source)) {
  return executeOn(new FunctionCache(join(process.cwd(), 'task.js')), source, args, functionId);
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
  new TaskRunner(board, functions, tell).add({
    epoch: 1,
    number: -1,
    count: 1,
    functionId,
    source,
    name: 'test',
    args: { encoding: 'JSON', data: Buffer.from(args) },
    isList: false,
    timeoutMs: undefined,
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
    const functions = new FunctionCache(join(process.cwd(), 'task.js'));
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
