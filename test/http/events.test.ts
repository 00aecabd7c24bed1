import { expect, test } from '@jest/globals';
import { EventFeed } from '../../src/http/event-feed.js';
import { HttpFixture } from '../support/http.js';
import { waitFor } from '../support/wait.js';

const pool = new HttpFixture(['1']);

interface Event {
  type: string;
  id: string;
  data: Record<string, unknown>;
}

/** Somebody who listens; what was heard so far. */
class Listener {
  readonly #abort = new AbortController();
  #text = '';
  readonly ended: Promise<void>;

  constructor(lastId?: string) {
    this.ended = this.#listen(lastId);
  }

  get events(): Event[] {
    return this.#text.split('\n\n').flatMap((block) => {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
      const data = field('data');
      if (data === undefined) return [];
      return [{ type: field('event') ?? '', id: field('id') ?? '', data: JSON.parse(data) as Event['data'] }];
    });
  }

  /** The events of a task, once it has settled. */
  async of(id: string): Promise<Event[]> {
    const events = () => this.events.filter(({ data }) => data['task_id'] === id);
    await waitFor('the end of the task', () => events().some(({ type }) => type === 'task-settled'));
    return events();
  }

  whenHeard(): Promise<unknown> {
    return waitFor('the first words', () => this.#text !== '');
  }

  close(): void {
    this.#abort.abort();
  }

  async #listen(lastId: string | undefined): Promise<void> {
    const headers = lastId === undefined ? {} : { 'last-event-id': lastId };
    try {
      const { body } = await pool.http.fetch('/v1/events', { headers }, this.#abort.signal);
      const decoder = new TextDecoder();
      for await (const bytes of body ?? [])
        this.#text += decoder.decode(bytes as Uint8Array, { stream: true });
    } catch (error) {
      if (!this.#abort.signal.aborted) throw error;
    }
  }
}

test('who listens hears what becomes of tasks', async () => {
  const listener = new Listener();
  await listener.whenHeard();
  const id = await pool.http.submit("() => { throw new Error('no'); }", [], { name: 'heard' });
  expect((await listener.of(id)).map(({ type, data }) => ({ type, ...data }))).toEqual([
    { type: 'task-submitted', task_id: id, name: 'heard' },
    { type: 'task-running', task_id: id, name: 'heard', attempt: 1 },
    { type: 'task-settled', task_id: id, state: 'failed', code: 'thrown', seconds: expect.any(Number) },
  ]);
  listener.close();
});

test('who comes back with the id of the last event misses nothing', async () => {
  const before = new Listener();
  await before.whenHeard();
  const first = await pool.http.submit('() => 1');
  const last = (await before.of(first)).at(-1);
  before.close();
  await before.ended;
  const meanwhile = await pool.http.submit('() => 2');
  await pool.http.result(meanwhile);
  const after = new Listener(last?.id);
  expect((await after.of(meanwhile)).map(({ type }) => type)).toEqual([
    'task-submitted',
    'task-running',
    'task-settled',
  ]);
  expect(after.events.some(({ data }) => data['task_id'] === first)).toBe(false);
  after.close();
});

test('who comes back with an id of another life is told of the gap', async () => {
  const listener = new Listener('another-3');
  await waitFor('the gap', () => listener.events.length > 0);
  expect(listener.events[0]).toMatchObject({ type: 'gap', id: expect.stringMatching(/-\d+$/) });
  listener.close();
});

test('workers that come and go are told', async () => {
  const listener = new Listener();
  await listener.whenHeard();
  const count = (n: number) => pool.http.ask('/v1/workers/count', { method: 'PUT', body: { count: n } });
  await count(2);
  await count(1);
  await waitFor('the worker to go', () => listener.events.some(({ type }) => type === 'worker-gone'));
  expect(listener.events.map(({ type, data }) => `${type} ${String(data['worker'])}`)).toEqual([
    'worker-attached worker-2',
    'worker-gone worker-2',
  ]);
  listener.close();
});

test('a feed keeps the newest events, and who was away for longer is told of the gap', async () => {
  const feed = new EventFeed('life', 2);
  for (let n = 1; n <= 4; n++) feed.add('counted', { n });
  const heard = async (lastId: string) => {
    const stream = feed.stream(lastId, new AbortController().signal);
    const chunks: string[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
    await waitFor('what is kept', () => chunks.length >= 2);
    stream.destroy();
    return chunks.slice(1).join('');
  };
  expect(await heard('life-3')).toBe('event: counted\nid: life-4\ndata: {"n":4}\n\n');
  expect(await heard('life-2')).toMatch(/^event: counted\nid: life-3\n.*\n\nevent: counted\nid: life-4\n/);
  expect(await heard('life-0')).toMatch(/^event: gap\nid: life-4\n/);
  expect(await heard('life-9')).toMatch(/^event: gap\nid: life-4\n/);
});

test('whoever wants few events has the newest, and is told how many were left out', async () => {
  const feed = new EventFeed('life');
  const stream = feed.stream(undefined, new AbortController().signal, 8);
  const chunks: string[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  feed.add('counted', { n: 1 });
  await waitFor('the first', () => chunks.join('').includes('life-1'));
  for (let n = 2; n <= 10; n++) feed.add('counted', { n });
  await waitFor('the newest', () => chunks.join('').includes('life-10'));
  stream.destroy();
  expect(chunks.at(-1)).toMatch(
    /^event: skipped\nid: life-8\ndata: {"count":7}\n\nevent: counted\nid: life-9\n.*\n\nevent: counted\nid: life-10\n/,
  );
});
