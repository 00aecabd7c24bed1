import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Executor } from '../../src/worker/execute.js';

/** Runs a source with JSON arguments. Tells the outcome as text, and whether user code had begun. */
async function execute(source: string | undefined, args = '[]', functionId = String(source)) {
  return executeOn(new Executor(join(process.cwd(), 'task.js')), source, args, functionId);
}

async function executeOn(executor: Executor, source: string | undefined, args: string, functionId: string) {
  let begun = 0;
  const payload = { encoding: 'JSON' as const, data: Buffer.from(args) };
  const outcome = await executor.execute({ call: 1, functionId, source, args: payload }, () => (begun += 1));
  const result = outcome.kind === 'result' ? Buffer.from(outcome.result.data).toString() : undefined;
  const failure = outcome.kind === 'failure' ? outcome.failure : undefined;
  return { begun, result, failure, runMs: outcome.runMs };
}

describe('an executor', () => {
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
    const executor = new Executor(join(process.cwd(), 'task.js'));
    const byId = () => executeOn(executor, undefined, '[]', 'the-id');
    expect(await byId()).toMatchObject({ begun: 0, failure: { code: 'code-unknown', mayHaveRun: false } });
    expect(await executeOn(executor, '() => "known"', '[]', 'the-id')).toMatchObject({ result: '"known"' });
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
