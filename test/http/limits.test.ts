import { expect, test } from '@jest/globals';
import { HttpCaller, HttpFixture } from '../support/http.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

const pool = new HttpFixture(['1', '--max-queued', '2', '--http-max-body', '4kb', '--keep-results', '100']);

test('a queue that is full is answered by 429, and when to try again', async () => {
  const waiting = [await pool.http.submit('() => 1', [], { delay_ms: 3_600_000 })];
  waiting.push(await pool.http.submit('() => 1', [], { delay_ms: 3_600_000 }));
  const refused = await pool.http.ask('/v1/tasks', { body: { source: '() => 1' } });
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
  expect(refused.body).toMatchObject({
    code: 'queue-full',
    detail: 'the queue has no room: 2 tasks may wait or run at a time (--max-queued); try again later',
  });
  for (const id of waiting) await pool.http.ask(`/v1/tasks/${id}`, { method: 'DELETE' });
  await pool.http.submit('() => 1');
});

test('a body that is too large is answered by 413', async () => {
  const { status, body } = await pool.http.ask('/v1/tasks', { body: { source: 'x'.repeat(5_000) } });
  expect([status, body['code']]).toEqual([413, 'too-large']);
  expect(body['detail']).toMatch(
    /^the body has more than [\d,]+ bytes; `offhand server --http-max-body` sets how many it may have$/,
  );
});

test('a result that is kept no longer is answered by 410', async () => {
  const id = await pool.http.submit('() => 1');
  await pool.http.result(id);
  const { body } = await waitFor('the result to be dropped', async () => {
    const answer = await pool.http.ask(`/v1/tasks/${id}/result`);
    return answer.status === 410 ? answer : undefined;
  });
  expect(body).toMatchObject({ code: 'result-dropped', title: 'Gone' });
  expect((await pool.http.ask(`/get_results?task_id=${id}`)).status).toBe(410);
  expect((await pool.http.ask(`/v1/tasks/${id}`)).body).toMatchObject({ state: 'succeeded', dropped: true });
});

test.each([
  [{ source: 1 }, 'body.source: expected a string, got 1'],
  [{}, 'body: expected "source"'],
  [[], 'body: expected an object, got an array of 0'],
  [{ source: '' }, 'body.source: expected at least 1 character, got ""'],
  [{ source: 'x', arg: [] }, 'body: there is no "arg"; there is source, args, options'],
  [{ source: 'x', args: {} }, 'body.args: expected an array, got an object'],
  [
    { source: 'x', options: { timeout_ms: true } },
    'body.options.timeout_ms: expected a number above 0, got true',
  ],
  [
    { source: 'x', options: { group: { name: 'a', limit: 1, size: 2 } } },
    'body.options.group: there is no "size"; there is name, limit',
  ],
  [
    { source: 'x', options: { delay_ms: 1e300 } },
    'body.options.delay_ms: expected a number from 0 to 3,155,760,000,000, got 1e+300',
  ],
  [
    { source: 'x', options: { priority: 101 } },
    'body.options.priority: expected a whole number from -100 to 100, got 101',
  ],
  [
    { source: 'x', options: { name: 'n'.repeat(300) } },
    `body.options.name: expected 1 to 256 characters, got "${'n'.repeat(40)}"… (300 characters)`,
  ],
  [
    { source: 'x', options: { after: ['x'] } },
    'body.options.after.0: expected the id of a task, 16 to 64 letters and digits, got "x"',
  ],
  [
    { source: 'x', options: { retry_on: ['never'] } },
    'body.options.retry_on.0: expected worker-lost, thrown or timeout, got "never"',
  ],
  [
    { source: 'x', options: { after: ['0000000000000000'] } },
    '`anonymous` is to come after 0000000000000000, and there is no such task',
  ],
])('%j is answered by 400, and what is wrong', async (body, detail) => {
  const answer = await pool.http.ask('/v1/tasks', { body });
  expect([answer.status, answer.body['code']]).toEqual([400, 'invalid-argument']);
  expect(answer.body['detail']).toBe(detail);
});

test('what is no JSON, or nothing, or said to be something else is told so', async () => {
  const send = async (type: string, body: string) => {
    const response = await fetch(`${pool.http.base}/v1/tasks`, {
      method: 'POST',
      headers: { authorization: `Bearer ${pool.http.token}`, 'content-type': type },
      body,
    });
    return [response.status, ((await response.json()) as { detail: string }).detail];
  };
  expect(await send('application/json', '{')).toEqual([400, expect.stringMatching(/^the body is no JSON: /)]);
  expect(await send('application/json', '')).toEqual([400, 'body: expected an object, got null']);
  const wrongType = [415, 'send the body as JSON, with "content-type: application/json"'];
  expect(await send('text/plain', '{"source":"() => 1"}')).toEqual(wrongType);
  expect(await send('application/x-www-form-urlencoded', '{"source":"() => 1"}')).toEqual(wrongType);
});

test.each([
  ['/v1/tasks?limit=0', 'query.limit: expected a whole number from 1 to 1,000, got 0'],
  [
    '/v1/tasks?state=done',
    'query.state: expected one or more of pending, running, succeeded, failed, cancelled, with commas between them, got "done"',
  ],
  [
    '/v1/tasks?colour=red',
    'query: there is no "colour"; there is state, name, group, client, text, limit, cursor',
  ],
  ['/v1/tasks/short', 'id: expected the id of a task, 16 to 64 letters and digits, got "short"'],
  [
    '/v1/tasks/0000000000000000/result?wait=soon',
    'query.wait: expected a whole number from 0 to 300,000, got "soon"',
  ],
  [
    `/v1/tasks/${'long'.repeat(50)}`,
    `id: expected the id of a task, 16 to 64 letters and digits, got "${'long'.repeat(10)}"… (200 characters)`,
  ],
])('%s is answered by 400', async (path, detail) => {
  const { status, body } = await pool.http.ask(path);
  expect([status, body['detail']]).toEqual([400, detail]);
});

test('more requests than allowed are answered by 429', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['1', '--no-profile', '--http', '--http-rate', '3']);
  const http = new HttpCaller(server.http, server.token);
  const answers = await Promise.all(Array.from({ length: 20 }, () => http.ask('/v1/workers')));
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(0);
  expect(refused[0]?.headers.get('retry-after')).toBe('1');
  expect(refused[0]?.body['detail']).toBe('more than 3 requests a second from one address; try again later');
  await server.stop();
});
