import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { taskId } from '../../src/core/ids.js';
import { Metrics } from '../../src/http/metrics.js';
import type { QueueObserver } from '../../src/queue/observers.js';
import { HttpFixture } from '../support/http.js';
import { waitFor } from '../support/wait.js';

const pool = new HttpFixture(['2']);

interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** Metrics in the format of Prometheus: the types that are declared, and the samples. */
function parse(text: string): { types: Map<string, string>; samples: Sample[] } {
  const types = new Map(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]),
  );
  const samples = text.split('\n').flatMap((line) => {
    if (line === '' || line.startsWith('#')) return [];
    const [, name = '', labels = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    expect(name).not.toBe('');
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', text = '']) => [key, text]);
    return [{ name, labels: Object.fromEntries(pairs) as Sample['labels'], value: Number(value) }];
  });
  return { types, samples };
}

async function scrape() {
  const { status, headers, text } = await pool.http.ask('/metrics');
  expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  return parse(text);
}

function valueOf(samples: Sample[], name: string, labels: Sample['labels'] = {}): number | undefined {
  const found = samples.filter((sample) => sample.name === name);
  return found.find((sample) => Object.entries(labels).every(([key, text]) => sample.labels[key] === text))
    ?.value;
}

/** Tasks that end in each way there is, one of them after a second attempt. */
async function runSome(): Promise<void> {
  const { http } = pool;
  const ids = [
    await http.submit('() => 1', [], { name: 'fine' }),
    await http.submit('() => { throw new Error("no"); }', [], { name: 'bad' }),
    await http.submit('() => { throw new Error("again"); }', [], {
      name: 'again',
      retries: 1,
      retry_on: ['thrown'],
    }),
  ];
  for (const id of ids) expect((await http.result(id)).status).toBe(200);
  const delayed = await http.submit('() => 1', [], { name: 'later', delay_ms: 3_600_000 });
  await http.ask(`/v1/tasks/${delayed}`, { method: 'DELETE' });
  expect((await http.result(delayed)).body).toMatchObject({ state: 'cancelled' });
}

test('/metrics counts what tasks come to, and says how the pool stands', async () => {
  await runSome();
  // Workers report what they have counted a moment later.
  const samples = await waitFor('the workers to have counted', async () => {
    const { samples } = await scrape();
    const counted = samples.filter(({ name }) => name === 'offhand_worker_tasks_total');
    return counted.reduce((sum, { value }) => sum + value, 0) >= 4 ? samples : undefined;
  });
  expect(valueOf(samples, 'offhand_tasks_submitted_total')).toBe(4);
  expect(valueOf(samples, 'offhand_tasks_settled_total', { state: 'succeeded' })).toBe(1);
  expect(valueOf(samples, 'offhand_tasks_settled_total', { state: 'failed' })).toBe(2);
  expect(valueOf(samples, 'offhand_tasks_settled_total', { state: 'cancelled' })).toBe(1);
  expect(valueOf(samples, 'offhand_task_failures_total', { code: 'thrown' })).toBe(2);
  expect(valueOf(samples, 'offhand_task_failures_total', { code: 'cancelled' })).toBe(1);
  expect(valueOf(samples, 'offhand_task_running_seconds_count', { name: 'fine' })).toBe(1);
  expect(valueOf(samples, 'offhand_task_waiting_seconds_count', { name: 'again' })).toBe(1);
  // What never began has waited for nothing.
  expect(valueOf(samples, 'offhand_task_waiting_seconds_count', { name: 'later' })).toBeUndefined();
  expect(valueOf(samples, 'offhand_queue_tasks', { state: 'pending' })).toBe(0);
  expect(valueOf(samples, 'offhand_queue_tasks', { state: 'running' })).toBe(0);
  expect(valueOf(samples, 'offhand_workers_wanted')).toBe(2);
  expect(valueOf(samples, 'offhand_task_retries_total')).toBe(1);
});

test('a task that waits and one that runs are in the queue, and what runs has a lease', async () => {
  const running = await pool.http.submit('() => new Promise((resolve) => setTimeout(resolve, 3_600_000))');
  const waiting = await pool.http.submit('() => 1', [], { delay_ms: 3_600_000 });
  const samples = await waitFor('the first one to run', async () => {
    const { samples } = await scrape();
    return valueOf(samples, 'offhand_queue_tasks', { state: 'running' }) === 1 ? samples : undefined;
  });
  expect(valueOf(samples, 'offhand_queue_tasks', { state: 'pending' })).toBe(1);
  expect(valueOf(samples, 'offhand_leases')).toBeGreaterThanOrEqual(1);
  for (const id of [running, waiting]) await pool.http.ask(`/v1/tasks/${id}`, { method: 'DELETE' });
});

describe('the dashboard for Grafana', () => {
  interface Dashboard {
    panels: { title: string; targets: { expr: string; legendFormat: string }[] }[];
  }
  const { panels } = JSON.parse(readFileSync('docs/grafana.json', 'utf8')) as Dashboard;
  const targets = panels.flatMap((panel) => panel.targets);

  test('asks for what /metrics serves, by labels that it has, and leaves nothing out', async () => {
    await runSome();
    const { types, samples } = await scrape();
    const named = new Set<string>();
    for (const { expr, legendFormat } of targets) {
      const [name = ''] = /offhand_\w+/.exec(expr) ?? [];
      named.add(name.replace(/_bucket$/, ''));
      const labels = samples
        .filter((sample) => sample.name === name)
        .flatMap((sample) => Object.keys(sample.labels));
      expect([expr, samples.some((sample) => sample.name === name)]).toEqual([expr, true]);
      const asked = [
        ...[...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label),
        ...(/sum by \(([^)]+)\)/.exec(expr)?.[1]?.split(', ') ?? []),
      ];
      for (const label of asked) expect([expr, labels]).toEqual([expr, expect.arrayContaining([label])]);
    }
    expect([...named].sort()).toEqual([...types.keys()].sort());
  });
});

test('however many functions there are, series are not: the first hundred names have their own', async () => {
  let observer: QueueObserver = {};
  const metrics = new Metrics({
    queue: { size: 0, observe: (given: QueueObserver) => ((observer = given), () => undefined) } as never,
    status: () =>
      Promise.resolve({
        workers: [],
        queue: { pending: 0, tasks: [] },
        wanted: 0,
        http_address: null,
        policy: '',
        code: 'any',
      }),
    leases: () => 0,
    requests: () => 0,
  });
  metrics.follow(() => 5_000);
  for (let n = 0; n < 300; n++) {
    const spec = {
      id: taskId(String(n).padStart(16, '0')),
      name: `f${n}`,
      submittedAt: 1_000,
      notBefore: 2_000,
    };
    observer.began?.({ spec, attempt: 1 } as never);
  }
  const { samples } = parse(await metrics.text());
  const counts = samples.filter(({ name }) => name === 'offhand_task_waiting_seconds_count');
  expect(counts).toHaveLength(101);
  expect(valueOf(samples, 'offhand_task_waiting_seconds_count', { name: 'other' })).toBe(200);
  // From the end of the delay on.
  expect(valueOf(samples, 'offhand_task_waiting_seconds_sum', { name: 'f0' })).toBe(3);
});

describe('/v1/tasks/:id/logs', () => {
  test('is what a task printed, and on which stream', async () => {
    const id = await pool.http.submit('() => { console.log("one"); console.error("two"); }');
    await pool.http.result(id);
    const { status, body } = await pool.http.ask(`/v1/tasks/${id}/logs`);
    expect(status).toBe(200);
    expect(body).toEqual({
      task_id: id,
      lines: [
        { at: expect.any(String), attempt: 1, number: 1, stream: 'stdout', text: 'one' },
        { at: expect.any(String), attempt: 1, number: 2, stream: 'stderr', text: 'two' },
      ],
    });
  });

  test('is empty for a task that printed nothing, and 404 for one that nobody knows', async () => {
    const id = await pool.http.submit('() => 1');
    await pool.http.result(id);
    expect((await pool.http.ask(`/v1/tasks/${id}/logs`)).body).toEqual({ task_id: id, lines: [] });
    const unknown = await pool.http.ask('/v1/tasks/0000000000000000/logs');
    expect([unknown.status, unknown.body['code']]).toEqual([404, 'not-found']);
  });
});
