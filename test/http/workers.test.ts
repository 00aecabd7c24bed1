import { describe, expect, test } from '@jest/globals';
import { HttpFixture } from '../support/http.js';
import { waitFor } from '../support/wait.js';

const pool = new HttpFixture(['2']);

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
    expect((await count(-1)).body['detail']).toBe('body.count: must be >= 0');
  });

  test('are chosen by another policy from now on', async () => {
    const change = (policy: string) => pool.http.ask('/v1/policy', { method: 'PUT', body: { policy } });
    expect(await change('round-robin')).toMatchObject({ status: 200, body: { policy: 'round-robin' } });
    expect((await pool.http.ask('/status')).body).toMatchObject({ policy: 'round-robin' });
    expect(await change('best')).toMatchObject({ status: 400 });
    await change('first-free');
  });
});
