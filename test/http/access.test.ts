import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { offhand } from '../support/cli.js';
import { HttpFixture, NO_TASK, NO_WORKER, type Route, routesOf, statusWith } from '../support/http.js';

/** All that anybody may ask. */
const OPEN = [
  'GET /',
  'GET /charts.js',
  'GET /healthz',
  'GET /icon.svg',
  'GET /page.css',
  'GET /page.js',
  'GET /readyz',
  'POST /login',
];

/** All that the read-only token is good for besides. */
const READ = [
  'GET /get_results',
  'GET /metrics',
  'GET /openapi.json',
  'GET /status',
  'GET /v1/access',
  'GET /v1/attempts',
  'GET /v1/cluster',
  'GET /v1/events',
  'GET /v1/profile',
  'GET /v1/tasks',
  'GET /v1/tasks/:id',
  'GET /v1/tasks/:id/logs',
  'GET /v1/tasks/:id/result',
  'GET /v1/workers',
  'GET /v1/workers/:worker/log',
];

const tokens = { readOnly: '', replaced: '', replacedReadOnly: '' };

const pool = new HttpFixture(['1', '--log-level', 'debug'], async (sandbox) => {
  const print = async (...flags: string[]) => (await offhand(sandbox, ['token', ...flags])).stdout.trim();
  tokens.replaced = await print();
  tokens.replacedReadOnly = await print('--read-only');
  await print('--new');
  tokens.readOnly = await print('--read-only');
});

const nameOf = ({ method, path }: Route) =>
  `${method} ${path.replace(NO_TASK, ':id').replace(NO_WORKER, ':worker')}`;

/** The status of every route for a request with this value of `authorization`. */
async function statuses(authorization: string | undefined, query = ''): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const route of await routesOf(pool.http)) {
    const headers = authorization === undefined ? {} : { authorization };
    const url = `${pool.http.base}${route.path}${query}`;
    found.set(nameOf(route), await statusWith(url, headers, route.method));
  }
  return found;
}

const namesWith = (all: Map<string, number>, ...wanted: number[]) =>
  [...all].flatMap(([name, status]) => (wanted.includes(status) ? [name] : [])).sort();
const namesWithout = (all: Map<string, number>, ...unwanted: number[]) =>
  [...all].flatMap(([name, status]) => (unwanted.includes(status) ? [] : [name])).sort();

describe('every route', () => {
  // POST /login answers 400 here: it was sent no code.
  test('but those that are open is 401 without a token, with a wrong one, and with one that was replaced', async () => {
    const { token } = pool.http;
    const wrong = [
      undefined,
      '',
      'Bearer',
      token,
      `Basic ${token}`,
      'Bearer wrong',
      `Bearer ${token.slice(1)}`,
      `Bearer ${token}x`,
      `Bearer ${token.toLowerCase()}`,
      `Bearer ro.${token}`,
      `Bearer ${tokens.replaced}`,
      `Bearer ${tokens.replacedReadOnly}`,
    ];
    for (const authorization of wrong)
      expect([authorization, namesWithout(await statuses(authorization), 401)]).toEqual([
        authorization,
        OPEN,
      ]);
  });

  test('takes no token from the URL, which histories and logs keep', async () => {
    const { token } = pool.http;
    const query = `?token=${token}&access_token=${token}&authorization=Bearer%20${token}`;
    expect(namesWithout(await statuses(undefined, query), 401)).toEqual(OPEN);
  });

  test('but those that only read is 403 with the read-only token', async () => {
    const found = await statuses(`Bearer ${tokens.readOnly}`);
    expect(namesWithout(found, 403)).toEqual([...OPEN, ...READ].sort());
    expect(namesWith(found, 401)).toEqual([]);
  });

  test('is there for whoever has the token', async () => {
    expect(namesWith(await statuses(`Bearer ${pool.http.token}`), 401, 403)).toEqual([]);
  });
});

test('the read-only token shows what a task came to, and says what it is not good for', async () => {
  const id = await pool.http.submit('() => 42');
  const asReader = { headers: { authorization: `Bearer ${tokens.readOnly}` } };
  expect(await pool.http.ask(`/v1/tasks/${id}/result?wait=10000`, asReader)).toMatchObject({
    status: 200,
    body: { task_id: id, state: 'succeeded', result: 42 },
  });
  expect((await pool.http.ask(`/v1/tasks/${id}`, { ...asReader, method: 'DELETE' })).body).toEqual({
    type: 'about:blank',
    title: 'Forbidden',
    status: 403,
    detail: 'the read-only token came with this request, which needs the one that `offhand token` prints',
    code: 'permission-denied',
  });
  expect((await pool.http.ask('/v2', asReader)).status).toBe(404);
});

test('no token is in what the server prints or logs', async () => {
  await pool.http.ask('/status');
  const folder = pool.sandbox.path('logs');
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  expect(files.length).toBeGreaterThan(0);
  const written = [pool.server.output, ...files].join('\n');
  for (const token of [pool.http.token, ...Object.values(tokens)]) {
    expect(token.length).toBeGreaterThan(40);
    expect(written).not.toContain(token);
  }
});
