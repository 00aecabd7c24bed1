import { describe, expect, test } from '@jest/globals';
import { VERSION } from '../../src/wire/protocol.js';
import { HttpFixture, NO_WORKER } from '../support/http.js';
import { waitFor } from '../support/wait.js';

const pool = new HttpFixture(['2', '--tag', 'fast']);

describe('the workers', () => {
  test('are told, added and removed', async () => {
    const count = (n: number) => pool.http.ask('/v1/workers/count', { method: 'PUT', body: { count: n } });
    expect(await count(3)).toMatchObject({ status: 200, body: { count: 3 } });
    const names = async () => {
      const { body } = await pool.http.ask('/v1/workers');
      return (body['workers'] as { worker: string }[]).map(({ worker }) => worker);
    };
    expect(await names()).toEqual(['worker-1', 'worker-2', 'worker-3']);
    expect((await count(2)).status).toBe(200);
    await waitFor('the third worker to go', async () => (await names()).length === 2);
    expect((await count(-1)).body['detail']).toBe(
      'body.count: expected a whole number from 0 to 10,000, got -1',
    );
  });

  test('say what they have, and what their processes use', async () => {
    const { body } = await pool.http.ask('/v1/workers');
    const [worker] = body['workers'] as Record<string, unknown>[];
    expect(worker).toMatchObject({ tags: ['fast'], version: VERSION, deaths: 0 });
    for (const figure of ['cpu_ms', 'uptime_ms', 'rss_bytes'])
      expect(worker?.[figure]).toBeGreaterThan(figure === 'rss_bytes' ? 1_000_000 : 1);
  });

  test('that die are counted by their name, and have left a log', async () => {
    const worker = async () => {
      const { body } = await pool.http.ask('/v1/workers');
      return (body['workers'] as { worker: string; pid: number; deaths: number }[])[0];
    };
    const before = await worker();
    process.kill(Number(before?.pid), 'SIGKILL');
    const after = await waitFor('another process in its place', async () => {
      const found = await worker();
      return found?.worker === before?.worker && found?.pid !== before?.pid ? found : undefined;
    });
    expect(after).toMatchObject({ worker: 'worker-1', deaths: 1 });
    const { body } = await pool.http.ask('/v1/workers/worker-1/log?lines=1000');
    const lines = body['lines'] as { pid: number; at: string; message: string; level: string }[];
    expect(new Set(lines.map(({ pid }) => pid))).toEqual(new Set([before?.pid, after.pid]));
    expect(lines.filter(({ message }) => message === 'attached')).toEqual([
      expect.objectContaining({ level: 'info', pid: before?.pid, at: expect.stringMatching(/^20.*Z$/) }),
      expect.objectContaining({
        level: 'info',
        pid: after.pid,
        fields: expect.objectContaining({ worker: 'worker-1' }),
      }),
    ]);
    expect((await pool.http.ask('/v1/workers/worker-1/log?lines=1')).body['lines']).toHaveLength(1);
  });

  test('are asked for by no other name than theirs', async () => {
    expect((await pool.http.ask(`/v1/workers/${NO_WORKER}/log`)).body).toMatchObject({
      status: 404,
      detail: `there is no log of a worker called ${NO_WORKER}; GET /v1/workers tells which workers there are`,
    });
    // Nothing else in the folder of the logs is to be had by this.
    for (const name of ['coordinator', '..%2fworker-1', 'worker-1.log'])
      expect((await pool.http.ask(`/v1/workers/${name}/log`)).status).toBe(400);
    expect((await pool.http.ask(`/v1/workers/${NO_WORKER}/drain`, { method: 'POST' })).body).toMatchObject({
      status: 404,
      detail: expect.stringMatching(/^no worker is called worker-987654321; there are: worker-1, worker-2/),
    });
  });

  test('that are drained finish what they run, and are not replaced', async () => {
    await pool.http.ask('/v1/workers/count', { method: 'PUT', body: { count: 3 } });
    const drained = await pool.http.ask('/v1/workers/worker-3/drain', { method: 'POST' });
    expect([drained.status, drained.body]).toEqual([200, { worker: 'worker-3' }]);
    const { body } = await pool.http.ask('/v1/workers');
    expect((body['workers'] as { worker: string }[]).map(({ worker }) => worker)).not.toContain('worker-3');
    expect(body['wanted']).toBe(2);
  });

  test('are chosen by another policy from now on', async () => {
    const change = (policy: string) => pool.http.ask('/v1/policy', { method: 'PUT', body: { policy } });
    expect(await change('round-robin')).toMatchObject({ status: 200, body: { policy: 'round-robin' } });
    expect((await pool.http.ask('/status')).body).toMatchObject({ policy: 'round-robin' });
    expect(await change('best')).toMatchObject({ status: 400 });
    await change('first-free');
  });
});
