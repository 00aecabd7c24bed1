import { get } from 'node:https';
import { createServer } from 'node:net';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { offhand } from '../support/cli.js';
import { HttpCaller, HttpFixture, statusWith } from '../support/http.js';
import { Sandbox } from '../support/sandbox.js';
import { randomPorts, startServer, TestServer } from '../support/server.js';
import { pem, TLS_FLAGS } from '../support/tls.js';
import { waitFor } from '../support/wait.js';

const pool = new HttpFixture(['1']);

test('health needs no token, and says whether there are workers', async () => {
  const answer = async (path: string) => (await fetch(`${pool.http.base}${path}`)).status;
  expect([await answer('/healthz'), await answer('/readyz')]).toEqual([200, 200]);
  await pool.http.ask('/v1/workers/count', { method: 'PUT', body: { count: 0 } });
  const ready = await waitFor('the worker to go', async () => {
    const response = await fetch(`${pool.http.base}/readyz`);
    return response.status === 200 ? undefined : response;
  });
  expect([ready.status, ready.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await answer('/healthz')).toBe(200);
  await pool.http.ask('/v1/workers/count', { method: 'PUT', body: { count: 1 } });
});

test('the address is in the pool file and in the status, and the token in neither', async () => {
  const folder = join(String(pool.sandbox.env['XDG_RUNTIME_DIR']), 'offhand');
  const file = readdirSync(folder).find((name) => name.endsWith('.json'));
  const text = readFileSync(join(folder, String(file)), 'utf8');
  expect(JSON.parse(text)).toMatchObject({ http: pool.server.http });
  expect(text).not.toContain(pool.server.token);
  const status = await offhand(pool.sandbox, ['status', '--json']);
  expect(JSON.parse(status.stdout)).toMatchObject({ http_address: pool.server.http });
  expect((await offhand(pool.sandbox, ['status'])).stdout).toContain(`HTTP at ${pool.server.http}\n`);
});

describe('the OpenAPI document', () => {
  interface Operation {
    summary?: string;
    responses: Record<string, unknown>;
    requestBody?: unknown;
    security?: unknown[];
  }
  test('names every route, its answers, and which need no token', async () => {
    const { body } = await pool.http.ask('/openapi.json');
    const paths = body['paths'] as Record<string, Record<string, Operation>>;
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        name: `${method.toUpperCase()} ${path}`,
        operation,
      })),
    );
    expect(operations.map(({ name }) => name).sort()).toEqual([
      'DELETE /v1/tasks/{id}',
      'GET /get_results',
      'GET /healthz',
      'GET /metrics',
      'GET /openapi.json',
      'GET /readyz',
      'GET /status',
      'GET /v1/access',
      'GET /v1/attempts',
      'GET /v1/cluster',
      'GET /v1/events',
      'GET /v1/profile',
      'GET /v1/tasks',
      'GET /v1/tasks/{id}',
      'GET /v1/tasks/{id}/logs',
      'GET /v1/tasks/{id}/result',
      'GET /v1/workers',
      'GET /v1/workers/{worker}/log',
      'POST /login',
      'POST /submit_task',
      'POST /v1/login_codes',
      'POST /v1/tasks',
      'POST /v1/tasks/{id}/retry',
      'POST /v1/workers/{worker}/drain',
      'PUT /v1/policy',
      'PUT /v1/workers/count',
    ]);
    for (const { operation } of operations) {
      expect(operation.summary).toEqual(expect.any(String));
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['4XX', '5XX']));
    }
    const open = operations.filter(({ operation }) => operation.security?.length === 0);
    expect(open.map(({ name }) => name)).toEqual(['GET /healthz', 'GET /readyz', 'POST /login']);
    expect(JSON.stringify(body)).not.toContain('"#/components/schemas/def-');
    for (const [, name] of JSON.stringify(body).matchAll(/"#\/components\/schemas\/(\w+)"/g))
      expect(body['components']).toHaveProperty(['schemas', String(name)]);
  });
});

test('a name that is not its own is answered by 421, whatever the port', async () => {
  const { token } = pool.http;
  const status = (host: string) =>
    statusWith(`${pool.http.base}/status`, { host, authorization: `Bearer ${token}` });
  expect(await status('evil.example')).toBe(421);
  expect(await status('localhost.evil.example')).toBe(421);
  expect(await status('LOCALHOST:8080')).toBe(200);
  expect(await status('[::1]')).toBe(200);
  expect(await statusWith(`${pool.http.base}/healthz`, { host: 'evil.example' })).toBe(421);
});

test('those who take an answer of the last second share one, all others are given a new one', async () => {
  const { http } = pool;
  const ageOf = async (path: string, headers = {}) => {
    const response = await http.fetch(path, { headers });
    return [response.status, Number(response.headers.get('offhand-age-ms'))];
  };
  const shared = { 'cache-control': 'max-age=600' };
  for (const path of ['/status', '/metrics']) {
    expect(await ageOf(path)).toEqual([200, 0]);
    await waitFor('it to be some ms old', async () => {
      const [status, age] = await ageOf(path, shared);
      expect(status).toBe(200);
      return Number(age) > 0;
    });
    expect(await ageOf(path)).toEqual([200, 0]);
  }
  const before = await http.ask('/status', { headers: shared });
  await http.ask('/v1/policy', { method: 'PUT', body: { policy: 'round-robin' } });
  // Who says nothing of its age reads what was written a moment ago.
  expect((await http.ask('/status')).body['policy']).toBe('round-robin');
  expect(before.body['policy']).toBe('first-free');
});

test('what is not there is answered by 404, to those who have the token', async () => {
  expect((await pool.http.ask('/v2/tasks')).body).toMatchObject({
    status: 404,
    detail: 'there is no GET /v2/tasks; /openapi.json lists what there is',
  });
  expect((await fetch(`${pool.http.base}/v2/tasks`)).status).toBe(401);
});

test('where the port 5000 is taken the next free one is', async () => {
  await using sandbox = new Sandbox();
  const taken = createServer();
  // Somebody else on this machine may have it already.
  await new Promise<void>((resolve) => {
    taken.once('error', () => resolve());
    taken.listen(5000, '127.0.0.1', () => resolve());
  });
  const { port, workerPorts } = randomPorts();
  const flags = ['1', '--no-profile', '--port', port, '--worker-ports', workerPorts];
  const server = await new TestServer(sandbox, flags).whenReady();
  expect(Number(new URL(server.http).port)).toBeGreaterThan(5_000);
  expect((await fetch(`${server.http}/healthz`)).status).toBe(200);
  await server.stop();
  taken.close();
});

test('with TLS it speaks HTTPS, and nothing else', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['1', '--no-profile', '--http', ...TLS_FLAGS]);
  expect(server.http).toMatch(/^https:/);
  const status = await new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${server.token}` };
    get(`${server.http}/status`, { ca: pem('ca'), headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).once('error', reject);
  });
  expect(status).toBe(200);
  await expect(new HttpCaller(server.http.replace('https', 'http'), '').ask('/healthz')).rejects.toThrow();
  await server.stop();
});

test('a server that stops answers those who wait', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['1', '--no-profile', '--http', '--drain-timeout', '0']);
  const http = new HttpCaller(server.http, server.token);
  const id = await http.submit('() => 1', [], { delay_ms: 3_600_000 });
  const waiting = http.result(id);
  const events = http.fetch('/v1/events').then((response) => response.text());
  await http.ask('/status');
  await server.stop();
  expect((await waiting).status).toBe(202);
  expect(await events).toMatch(/^retry: /);
});
