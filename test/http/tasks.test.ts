import { describe, expect, test } from '@jest/globals';
import { connect } from 'offhand';
import { HttpFixture } from '../support/http.js';
import { waitFor } from '../support/wait.js';

const pool = new HttpFixture(['2']);
const NEVER = '() => new Promise((resolve) => setInterval(resolve, 1e9))';

describe('a task', () => {
  test('is submitted as source and arguments, and has its result', async () => {
    const body = { source: '(a, b) => ({ sum: a + b })', args: [3, 4] };
    const { status, headers, body: answer } = await pool.http.ask('/v1/tasks', { body });
    expect(status).toBe(202);
    expect(answer).toEqual({ task_id: expect.stringMatching(/^[0-9a-z]{16,64}$/), known: false });
    const path = `/v1/tasks/${String(answer['task_id'])}`;
    expect(headers.get('location')).toBe(path);
    expect((await pool.http.ask(`${path}/result?wait=10000`)).body).toEqual({
      task_id: answer['task_id'],
      state: 'succeeded',
      result: { sum: 7 },
      seconds: expect.any(Number),
    });
    expect((await pool.http.ask(path)).body).toMatchObject({
      state: 'succeeded',
      name: 'anonymous',
      attempt: 1,
      source: '(a, b) => ({ sum: a + b })',
      preview: '3,4',
      client: 'http 127.0.0.1',
      settled_at: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });

  test('that asks for tags says so, and is refused where one is none', async () => {
    const body = { source: '() => 1', args: [], options: { requires: ['mem=8g', 'gpu'], expected_ms: 50 } };
    const { body: answer } = await pool.http.ask('/v1/tasks', { body });
    const path = `/v1/tasks/${String(answer['task_id'])}`;
    expect((await pool.http.ask(path)).body).toMatchObject({ state: 'pending', requires: ['gpu', 'mem=8g'] });
    await pool.http.ask(path, { method: 'DELETE' });
    const odd = { ...body, options: { requires: ['g p u'] } };
    const refused = await pool.http.ask('/v1/tasks', { body: odd });
    expect(refused).toMatchObject({
      status: 400,
      body: { detail: expect.stringMatching(/requires: expected a tag/) },
    });
  });

  test('without arguments is called without any', async () => {
    const id = await pool.http.submit('(...args) => args.length');
    expect((await pool.http.result(id)).body['result']).toBe(0);
  });

  test('keeps the arguments as they are, whatever they are called', async () => {
    const args = JSON.parse(
      '[{"__proto__":1,"constructor":{"prototype":2}},null,[[]],"ü\u2028"]',
    ) as unknown[];
    const id = await pool.http.submit('(...args) => JSON.stringify(args)', args);
    expect((await pool.http.result(id)).body['result']).toBe(JSON.stringify(args));
  });

  test('that fails has its failure', async () => {
    const id = await pool.http.submit("() => { throw new RangeError('too far'); }");
    expect((await pool.http.result(id)).body).toMatchObject({
      state: 'failed',
      failure: { code: 'thrown', name: 'RangeError', message: 'too far', may_have_run: true },
    });
  });

  test('whose source is none fails as not-shippable', async () => {
    const id = await pool.http.submit('this is no function');
    expect((await pool.http.result(id)).body).toMatchObject({
      state: 'failed',
      failure: { code: 'not-shippable' },
    });
  });

  test('that has no outcome yet is answered by 202, at once or after the wait', async () => {
    const id = await pool.http.submit(NEVER);
    for (const path of [`/v1/tasks/${id}/result`, `/v1/tasks/${id}/result?wait=50`]) {
      const { status, headers, body } = await pool.http.ask(path);
      expect({ status, id: body['task_id'], after: headers.get('retry-after') }).toEqual({
        status: 202,
        id,
        after: '1',
      });
    }
    await pool.http.ask(`/v1/tasks/${id}`, { method: 'DELETE' });
  });

  test('is cancelled while it runs, and those who wait are told', async () => {
    const id = await pool.http.submit(NEVER);
    const state = async () => (await pool.http.ask(`/v1/tasks/${id}`)).body['state'];
    await waitFor('the task to run', async () => (await state()) === 'running');
    const waiting = pool.http.result(id);
    const { status, body } = await pool.http.ask(`/v1/tasks/${id}`, { method: 'DELETE' });
    expect([200, 202]).toContain(status);
    expect(body['task_id']).toBe(id);
    expect((await waiting).body).toMatchObject({ state: 'cancelled', failure: { code: 'cancelled' } });
    const again = await pool.http.ask(`/v1/tasks/${id}`, { method: 'DELETE' });
    expect([again.status, again.body['state']]).toEqual([200, 'cancelled']);
  });

  test('that has failed runs again under its id; one that succeeded does not', async () => {
    const failed = await pool.http.submit("() => { throw new Error('no'); }");
    await pool.http.result(failed);
    const again = await pool.http.ask(`/v1/tasks/${failed}/retry`, { method: 'POST' });
    expect([again.status, again.headers.get('location')]).toEqual([202, `/v1/tasks/${failed}`]);
    await pool.http.result(failed);
    expect((await pool.http.ask(`/v1/tasks/${failed}`)).body).toMatchObject({ state: 'failed', attempt: 2 });
    const fine = await pool.http.submit('() => 1');
    await pool.http.result(fine);
    const refused = await pool.http.ask(`/v1/tasks/${fine}/retry`, { method: 'POST' });
    expect(refused.status).toBe(409);
    expect(refused.body['detail']).toBe(
      `task ${fine} has succeeded; only one that has failed, or was cancelled, runs again`,
    );
  });

  test('comes after others, and carries its options', async () => {
    const first = await pool.http.submit('() => 1');
    const options = {
      name: 'second',
      priority: 3,
      delay_ms: 1,
      timeout_ms: 5_000,
      queue_timeout_ms: 60_000,
      deadline_ms: 60_000,
      retries: 2,
      retry_on: ['thrown'],
      group: { name: 'g', limit: 1 },
      after: [first],
    };
    const second = await pool.http.submit('() => 2', [], options);
    expect((await pool.http.result(second)).body['result']).toBe(2);
    expect((await pool.http.ask(`/v1/tasks/${second}`)).body).toMatchObject({
      name: 'second',
      priority: 3,
      group: 'g',
    });
    const limited = await pool.http.submit(NEVER, [], { timeout_ms: 50 });
    expect((await pool.http.result(limited)).body).toMatchObject({ failure: { code: 'timeout' } });
  });

  test('with a key that is known is that task', async () => {
    const ask = (key: string, source: string) =>
      pool.http.ask('/v1/tasks', { body: { source }, headers: { 'idempotency-key': key } });
    const first = await ask('nightly', '() => 1');
    const second = await ask('nightly', '() => 2');
    expect(second.body).toEqual({ task_id: first.body['task_id'], known: true });
    expect((await ask('other', '() => 2')).body['known']).toBe(false);
  });
});

describe('a result', () => {
  test('that JSON cannot carry is answered by 406, naming the place', async () => {
    const id = await pool.http.submit('() => ({ prices: [1, new Map()] })');
    const { status, headers, body } = await pool.http.result(id);
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(body).toEqual({
      type: 'about:blank',
      title: 'Not Acceptable',
      status,
      code: 'not-cloneable',
      detail: 'the result.prices[1] is a Map, which JSON cannot carry',
    });
    expect(status).toBe(406);
  });

  test('of a task that another client has submitted is written as JSON by a worker', async () => {
    await using client = await connect(pool.server.address, { token: pool.server.token });
    const plain = await client.submit((n: number) => ({ n, at: new Date(0) }), [7]);
    const map = await client.submit(() => ({ inner: new Map() }), []);
    await plain.result();
    await map.result();
    expect((await pool.http.result(plain.id)).body['result']).toEqual({
      n: 7,
      at: '1970-01-01T00:00:00.000Z',
    });
    const refused = await pool.http.result(map.id);
    expect([refused.status, refused.body['detail']]).toEqual([
      406,
      'the result.inner is a Map, which JSON cannot carry',
    ]);
    const { body } = await pool.http.ask(`/get_results?task_id=${map.id}`);
    expect(body).toEqual({
      results: [
        {
          task_id: map.id,
          state: 'succeeded',
          failure: expect.objectContaining({ code: 'not-cloneable' }),
          seconds: expect.any(Number),
        },
      ],
    });
  });

  test('that is large arrives whole, in pieces', async () => {
    const id = await pool.http.submit('(n) => "x".repeat(n)', [3_000_000]);
    const response = await pool.http.fetch(`/v1/tasks/${id}/result?wait=10000`);
    expect(response.headers.get('transfer-encoding')).toBe('chunked');
    const { result } = (await response.json()) as { result: string };
    expect([result.length, new Set(result).size]).toEqual([3_000_000, 1]);
  });

  test('of a task that nobody knows is answered by 404', async () => {
    for (const path of ['', '/result', '/result?wait=50']) {
      const { status, body } = await pool.http.ask(`/v1/tasks/0000000000000000${path}`);
      expect([status, body['detail']]).toEqual([404, 'there is no task 0000000000000000']);
    }
    expect((await pool.http.ask('/get_results?task_id=0000000000000000')).status).toBe(404);
  });
});

describe('the three routes', () => {
  const task = (source: string, args: unknown[]) => JSON.stringify({ offhand: 1, source, arguments: args });

  test('take a serialized task, and give results in the order in which they settled', async () => {
    const ids: unknown[] = [];
    for (const n of [1, 2, 3]) {
      const { status, body } = await pool.http.ask('/submit_task', {
        body: { task: task('(n) => n * n', [n]) },
      });
      expect(status).toBe(202);
      ids.push(body['task_id']);
      await pool.http.result(String(body['task_id']));
    }
    const { body } = await pool.http.ask('/get_results');
    const results = body['results'] as { task_id: string; state: string; result?: number; seconds: number }[];
    expect(results.filter(({ task_id }) => ids.includes(task_id))).toEqual(
      ids.map((task_id, index) => ({
        task_id,
        state: 'succeeded',
        result: (index + 1) ** 2,
        seconds: expect.any(Number),
      })),
    );
    expect((await pool.http.ask('/get_results')).body).toEqual(body);
    expect((await pool.http.ask(`/get_results?task_id=${String(ids[1])}`)).body).toEqual({
      results: [expect.objectContaining({ task_id: ids[1], result: 4 })],
    });
  });

  test('have no result of a task that has none yet', async () => {
    const id = await pool.http.submit('() => 1', [], { delay_ms: 3_600_000 });
    expect((await pool.http.ask(`/get_results?task_id=${id}`)).body).toEqual({ results: [] });
    expect((await pool.http.ask(`/v1/tasks/${id}`)).body).toMatchObject({
      state: 'pending',
      begins_at: expect.any(String),
    });
  });

  test('tell the status, as the command does', async () => {
    const task_id = await pool.http.submit('() => 1', [], { delay_ms: 3_600_000 });
    const { body } = await pool.http.ask('/status');
    expect(body).toMatchObject({
      http_address: pool.server.http,
      wanted: 2,
    });
    const { pending, tasks } = body['queue'] as { pending: number; tasks: object[] };
    expect(tasks).toContainEqual({ task_id, name: 'anonymous', running_ms: 0, remaining_ms: null });
    expect(pending).toBe(tasks.length);
    expect(Object.keys((body['workers'] as object[])[0] ?? {}).sort()).toEqual(
      Object.keys((await pool.server.status()).workers[0] ?? {}).sort(),
    );
  });

  test.each([
    ['no JSON', '{', /^task: expected what serializeTask gives, got no JSON/],
    ['another thing', '[]', /^task: expected what serializeTask gives, with a field "offhand"$/],
    ['nothing', 'null', /with a field "offhand"$/],
    ['a newer version', '{"offhand":2}', /^task: it has version 2 of the form, and this pool reads 1$/],
    ['no source', '{"offhand":1,"arguments":[]}', /^task: expected "source"$/],
    [
      'bad values',
      '{"offhand":1,"source":"x","arguments":{"v8":"?"}}',
      /^task\.arguments\.v8: expected Base64, got "\?"$/,
    ],
    [
      'a bad option',
      '{"offhand":1,"source":"x","arguments":[],"options":{"retries":-1}}',
      /^task\.options\.retries: expected a whole number from 0 to 1,000, got -1$/,
    ],
  ])('refuse %s', async (_, text, detail) => {
    const { status, body } = await pool.http.ask('/submit_task', { body: { task: text } });
    expect(status).toBe(400);
    expect(body['detail']).toMatch(detail);
  });
});

describe('tasks are listed', () => {
  test('newest first, in pages, by state, name and group', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) {
      ids.push(await pool.http.submit('() => 1', [], { name: 'listed', group: { name: 'pages', limit: 9 } }));
    }
    for (const id of ids) await pool.http.result(id);
    const list = async (query: string) => {
      const { body } = await pool.http.ask(`/v1/tasks?${query}`);
      return {
        ids: (body['tasks'] as { task_id: string }[]).map((one) => one.task_id),
        cursor: body['cursor'],
      };
    };
    const first = await list('name=listed&limit=2');
    expect(first.ids).toEqual([ids[2], ids[1]]);
    expect((await list(`name=listed&limit=2&cursor=${String(first.cursor)}`)).ids).toEqual([ids[0]]);
    expect((await list('group=pages&state=succeeded,failed')).ids).toEqual([...ids].reverse());
    expect((await list('group=pages&state=pending')).ids).toEqual([]);
    const other = await pool.http.ask('/v1/tasks', {
      headers: { 'client-id': 'nightly' },
      body: { source: '(file) => file', args: ['Prices-7.csv'] },
    });
    expect((await list('client=nightly')).ids).toEqual([other.body['task_id']]);
    expect((await list('text=prices-7.CSV')).ids).toEqual([other.body['task_id']]);
    expect((await list('text=prices-7.CSV&client=someone')).ids).toEqual([]);
    expect((await pool.http.ask('/v1/tasks?text=')).body['detail']).toMatch(/^query\.text: /);
  });
});
