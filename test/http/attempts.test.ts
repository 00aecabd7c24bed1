import { expect, test } from '@jest/globals';
import { connect } from 'offhand';
import { HttpFixture } from '../support/http.js';
import { pidOf } from '../support/members.js';
import { killNow } from '../support/sandbox.js';
import { waitFor } from '../support/wait.js';

const pool = new HttpFixture(['2', '--slots', '2']);

interface Attempt {
  worker: string;
  slot: number;
  task_id: string;
  name: string;
  started_ms: number;
  state: string;
  run_ms?: number;
}

interface Told {
  at_ms: number;
  attempts: Attempt[];
  skipped: number;
}

/** Somebody who watches; what was told so far. Ends with disposal. */
class Watcher {
  readonly #abort = new AbortController();
  #text = '';
  #ended: Promise<void>;

  constructor() {
    this.#ended = this.#listen();
  }

  get attempts(): Attempt[] {
    return this.#events.flatMap(({ attempts }) => attempts);
  }

  get skipped(): number {
    return this.#events.reduce((sum, { skipped }) => sum + skipped, 0);
  }

  get #events(): Told[] {
    const whole = this.#text.slice(0, this.#text.lastIndexOf('\n\n') + 1);
    return [...whole.matchAll(/^event: attempts\ndata: (.*)$/gm)].map(
      ([, data = '']) => JSON.parse(data) as Told,
    );
  }

  of(name: string): Attempt[] {
    return this.attempts.filter((attempt) => attempt.name === name);
  }

  whenHeard(): Promise<unknown> {
    return waitFor('the first words', () => this.#events.length > 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#ended;
  }

  async #listen(): Promise<void> {
    try {
      const { body } = await pool.http.fetch('/v1/attempts', {}, this.#abort.signal);
      const decoder = new TextDecoder();
      for await (const bytes of body ?? [])
        this.#text += decoder.decode(bytes as Uint8Array, { stream: true });
    } catch (error) {
      if (!this.#abort.signal.aborted) throw error;
    }
  }
}

const PAUSE = '(ms) => new Promise((resolve) => setTimeout(resolve, ms))';

test('submitted tasks are told with the slot they ran in, when, for how long and how they ended', async () => {
  await using watcher = new Watcher();
  await watcher.whenHeard();
  const before = Date.now();
  const good = await pool.http.submit(PAUSE, [30], { name: 'pause' });
  const bad = await pool.http.submit('() => { throw new Error("no"); }', [], { name: 'fail', retries: 0 });
  await Promise.all([pool.http.result(good), pool.http.result(bad)]);
  await waitFor('both to be told', () => watcher.of('pause').length > 0 && watcher.of('fail').length > 0);
  const [paused] = watcher.of('pause');
  expect(paused).toMatchObject({
    task_id: good,
    state: 'completed',
    worker: expect.stringMatching(/^worker-[12]$/),
  });
  expect([0, 1]).toContain(paused?.slot);
  expect(paused?.run_ms).toBeGreaterThan(29);
  // The clock is that of the server, by the quickest message; nothing is told from the future.
  expect(paused?.started_ms).toBeGreaterThan(before - 1_000);
  expect(paused?.started_ms).toBeLessThan(Date.now() + 1_000);
  expect(watcher.of('fail')[0]).toMatchObject({ task_id: bad, state: 'failed' });
});

test('direct tasks are told, too; of very many that are short most are only counted', async () => {
  await using watcher = new Watcher();
  await watcher.whenHeard();
  await using direct = await connect(pool.server.address, { token: pool.server.token });
  const total = 3_000;
  const double = direct.with({ name: 'double' });
  for await (const _ of double.map(
    (n: number) => 2 * n,
    Array.from({ length: total }, (_, n) => n),
  ));
  await waitFor('all to be told or counted', () => watcher.of('double').length + watcher.skipped >= total);
  expect(watcher.of('double').length + watcher.skipped).toBe(total);
  expect(watcher.skipped).toBeGreaterThan(total / 2);
  expect(watcher.of('double')[0]?.task_id).toContain('.');
});

test('what runs for long is told meanwhile, and to those who come later; with its worker it ends as failed', async () => {
  await using first = new Watcher();
  await first.whenHeard();
  await pool.http.submit(PAUSE, [600_000], { name: 'long', retries: 0 });
  await waitFor('it to run', () => first.of('long').length > 0);
  const [running] = first.of('long');
  expect(running).toMatchObject({ state: 'running' });
  expect(running).not.toHaveProperty('run_ms');
  await using second = new Watcher();
  await waitFor('the other to hear of it', () => second.of('long').length > 0);
  killNow(await pidOf(pool.server, running?.worker ?? ''));
  await waitFor('its end', () => first.of('long').some(({ state }) => state === 'failed'));
  await waitFor('its end', () => second.of('long').some(({ state }) => state === 'failed'));
});

test('what ran while nobody watched is not told later', async () => {
  await pool.http.result(await pool.http.submit(PAUSE, [5], { name: 'unseen' }));
  await using watcher = new Watcher();
  await watcher.whenHeard();
  await pool.http.result(await pool.http.submit(PAUSE, [5], { name: 'seen' }));
  await waitFor('it to be told', () => watcher.of('seen').length > 0);
  expect(watcher.of('unseen')).toEqual([]);
});
