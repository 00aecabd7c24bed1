import { expect, test } from '@jest/globals';
import { HttpFixture } from '../support/http.js';

const pool = new HttpFixture(['2']);

test('a task that is asked for by its id tells of the attempts that failed before', async () => {
  const source = `() => {
    const { env } = process;
    if (env.TRIED) return 'at last';
    env.TRIED = '1';
    throw new RangeError('not yet');
  }`;
  const options = { retries: 3, retry_on: ['thrown'] };
  const id = await pool.http.submit(source, [], options);
  expect((await pool.http.result(id)).body['result']).toBe('at last');
  const { earlier } = (await pool.http.ask(`/v1/tasks/${id}`)).body as { earlier: unknown[] };
  expect(earlier[0]).toEqual({
    attempt: 1,
    worker: expect.stringMatching(/^worker-[12]$/),
    failed_at: expect.stringMatching(/^\d{4}-.*Z$/),
    failure: {
      code: 'thrown',
      name: 'RangeError',
      message: 'not yet',
      stack: expect.stringContaining('RangeError: not yet'),
      may_have_run: true,
    },
  });
});
