import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { HttpCaller } from '../support/http.js';
import { COLUMNS } from '../support/profile.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

describe('the profile', () => {
  const sandbox = new Sandbox();
  let server!: TestServer;
  let http!: HttpCaller;
  beforeAll(async () => {
    server = await startServer(sandbox, ['2', '--http']);
    http = new HttpCaller(server.http, server.token);
  }, 40_000);
  afterAll(async () => {
    await server.stop();
    await sandbox[Symbol.asyncDispose]();
  });
  const rowsOf = (csv: string) => csv.trimEnd().split('\n').slice(1);

  test('is the rows so far, as a file', async () => {
    const { headers, text } = await waitFor('some rows', async () => {
      const answer = await http.ask('/v1/profile');
      return rowsOf(answer.text).length > 20 ? answer : undefined;
    });
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(headers.get('content-disposition')).toBe('attachment; filename="results_2.csv"');
    expect(text.split('\n', 1)).toEqual([COLUMNS]);
    expect(text.endsWith('\n')).toBe(true);
    for (const row of rowsOf(text)) expect(row).toMatch(/^\d+\.\d{3},worker-[12],[01],(?:[\d.]*,){4}\d*$/);
  });

  test('is the last of it where that is asked for', async () => {
    const { text, times } = await waitFor('a pool older than that', async () => {
      const { text } = await http.ask('/v1/profile?last_ms=500');
      const times = rowsOf(text).map((row) => Number(row.split(',')[0]));
      return (times[0] ?? 0) > 1 ? { text, times } : undefined;
    });
    expect(text.split('\n', 1)).toEqual([COLUMNS]);
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeLessThanOrEqual(0.5);
  });

  test.each(['0', '-5', 'soon'])('is of no time like %s', async (time) => {
    const { status, body } = await http.ask(`/v1/profile?last_ms=${time}`);
    expect([status, body['code']]).toEqual([400, 'invalid-argument']);
    expect(body['detail']).toMatch(/last_ms/);
  });
});
