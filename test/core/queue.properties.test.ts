import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { taskId } from '../../src/core/ids.js';
import { AGEING_MS } from '../../src/core/scheduler/waiting-line.js';
import type { QueueCommand, QueueEvent } from '../../src/core/queue/events.js';
import { Queue } from '../../src/core/queue/queue.js';
import type { SettledState, TaskFacts } from '../../src/core/queue/task.js';

/** What may happen next. Numbers stand for tasks by the order of their submission, modulo how many there are. */
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('submit' as const),
      client: fc.constantFrom('a', 'b', 'c'),
      priority: fc.integer({ min: -2, max: 2 }),
      delayMs: fc.constantFrom(0, 0, 0, 5, 50),
      needs: fc.constantFrom('', '', 'gpu'),
      group: fc.constantFrom(undefined, undefined, 'g', 'h'),
      after: fc.array(fc.nat(50), { maxLength: 2 }),
      deadlineMs: fc.constantFrom(undefined, undefined, undefined, 30),
      queueTimeoutMs: fc.constantFrom(undefined, undefined, undefined, 20),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('room' as const),
      needs: fc.constantFrom('', 'gpu'),
      most: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      which: fc.nat(50),
      state: fc.constantFrom<SettledState>('succeeded', 'succeeded', 'succeeded', 'failed'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const), which: fc.nat(50) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('begin' as const), which: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(50) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(40) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const GROUP_LIMIT = { g: 1, h: 2 };

/** Carries out what the queue says, and writes down what is wrong with it. */
class Telling {
  readonly queue = new Queue();
  readonly wrong: string[] = [];
  readonly all: TaskFacts[] = [];
  readonly running = new Set<string>();
  /** Of those the ones that a worker has. */
  readonly working = new Set<string>();
  readonly settled = new Map<string, SettledState>();
  readonly #begun = new Set<string>();
  readonly #submittedAt = new Map<string, number>();
  now = 0;

  constructor(steps: readonly Step[]) {
    for (const one of steps) this.#take(one);
  }

  /** Lets everything run to its end. */
  finish(): void {
    for (let turn = 0; turn < 2_000 && this.queue.size > 0; turn++) {
      for (const needs of this.queue.readyNeeds) this.#tell({ type: 'room', needs, hasRoom: () => true });
      for (const id of [...this.running]) this.#settle(id, 'succeeded');
      this.now = Math.max(this.now, this.queue.nextAt ?? this.now);
      this.#tell({ type: 'time-passed' });
    }
  }

  #take(one: Step): void {
    const running = [...this.running];
    switch (one.kind) {
      case 'submit':
        return this.#submit(one);
      case 'room':
        return this.#tell({ type: 'room', needs: one.needs, hasRoom: (_, ahead) => ahead < one.most });
      case 'begin': {
        const id = running[one.which % running.length];
        if (id === undefined) return;
        this.#begun.add(id);
        this.working.add(id);
        return this.#tell({ type: 'began', id: taskId(id) });
      }
      case 'settle': {
        const id = running[one.which % running.length];
        return id === undefined ? undefined : this.#settle(id, one.state);
      }
      case 'release': {
        const id = running[one.which % running.length];
        if (id === undefined) return;
        this.running.delete(id);
        this.working.delete(id);
        return this.#tell({ type: 'released', id: taskId(id), delayMs: 10 });
      }
      case 'cancel': {
        const facts = this.all[one.which % this.all.length];
        return facts && this.#tell({ type: 'cancel', id: facts.id });
      }
      case 'wait':
        this.now += one.ms;
        return this.#tell({ type: 'time-passed' });
    }
  }

  #submit(one: Extract<Step, { kind: 'submit' }>): void {
    const before =
      this.all.length === 0 ? [] : one.after.map((n) => this.all[n % this.all.length] as TaskFacts);
    const ids = [...new Set(before.map(({ id }) => id))];
    const facts: TaskFacts = {
      id: taskId(`t${this.all.length}`),
      name: 'f',
      client: one.client,
      priority: one.priority,
      needs: one.needs,
      functionId: 'f',
      notBefore: this.now + one.delayMs,
      group: one.group ? { name: one.group, limit: GROUP_LIMIT[one.group] } : undefined,
      after: ids.filter((id) => !this.settled.has(id)),
      uses: [],
      queueTimeoutMs: one.queueTimeoutMs,
      runsOnce: false,
      deadlineAt: one.deadlineMs === undefined ? undefined : this.now + one.deadlineMs,
    };
    this.all.push({ ...facts, after: ids });
    this.#submittedAt.set(facts.id, this.now);
    const upstream = ids.find((id) => this.settled.has(id) && this.settled.get(id) !== 'succeeded');
    this.#tell({ type: 'submitted', tasks: [{ facts, upstream }] });
  }

  #settle(id: string, state: SettledState): void {
    this.running.delete(id);
    this.working.delete(id);
    if (this.settled.has(id)) this.wrong.push(`${id} was settled twice`);
    this.settled.set(id, state);
    this.#tell({ type: 'settled', id: taskId(id), state });
  }

  #tell(event: QueueEvent): void {
    const commands = this.queue.handle(event, this.now);
    if (event.type === 'room') this.#checkOrder(commands, event.needs);
    for (const command of commands) this.#perform(command);
  }

  #perform({ type, id, ...command }: QueueCommand): void {
    if (this.settled.has(id)) this.wrong.push(`${type} of ${id}, which has its outcome`);
    if (type === 'claim') {
      this.#checkClaim(id);
      this.running.add(id);
      return;
    }
    if (type === 'stop' && !this.running.has(id)) this.wrong.push(`${id} is stopped and does not run`);
    if (type === 'settle' && this.running.has(id)) this.wrong.push(`${id} is settled while it runs`);
    const { how } = command as Extract<QueueCommand, { type: 'settle' }>;
    if (how.kind === 'queue-timeout' && this.#begun.has(id))
      this.wrong.push(`${id} ran, and timed out in line`);
    this.#settle(id, how.kind === 'cancelled' ? 'cancelled' : 'failed');
  }

  #checkClaim(id: string): void {
    const facts = this.all.find((one) => one.id === id);
    if (!facts) return;
    if (this.running.has(id)) this.wrong.push(`${id} was claimed twice`);
    if (facts.notBefore > this.now) this.wrong.push(`${id} began before its time`);
    if (facts.after.some((one) => this.settled.get(one) !== 'succeeded'))
      this.wrong.push(`${id} began before what it comes after`);
    if (!facts.group) return;
    const { name, limit } = facts.group;
    const others = this.all.filter((one) => this.running.has(one.id) && one.group?.name === name);
    if (others.length >= limit) this.wrong.push(`${id} is one too many of ${name}`);
  }

  /** Nothing ages within so short a story. */
  #checkOrder(commands: readonly QueueCommand[], needs: string): void {
    const priorities = commands.map(({ id }) => this.all.find((one) => one.id === id));
    for (const facts of priorities)
      if (facts && facts.needs !== needs)
        this.wrong.push(`${facts.id} has no use for a worker with ${needs}`);
    priorities.forEach((facts, index) => {
      const before = priorities[index - 1];
      if (!facts || !before || facts.group || before.group) return;
      if (facts.priority > before.priority) this.wrong.push(`${facts.id} had to wait for ${before.id}`);
      const isSame = facts.client === before.client && facts.priority === before.priority;
      const plain = facts.after.length + before.after.length === 0 && facts.notBefore === before.notBefore;
      if (isSame && plain && Number(facts.id.slice(1)) < Number(before.id.slice(1)) && facts.notBefore === 0)
        this.wrong.push(`${facts.id} was passed by ${before.id}`);
    });
  }
}

function inEveryStory(look: (told: Telling) => void): void {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => look(new Telling(steps))),
    { seed: 7, numRuns: 500 },
  );
}

describe('whatever happens', () => {
  test('nothing begins twice, too early, before what it comes after, or beyond the limit of its group', () => {
    inEveryStory(({ wrong }) => {
      expect(wrong).toEqual([]);
    });
  });

  test('what waits is told: all that has no outcome and no worker', () => {
    inEveryStory(({ queue, all, settled, working }) => {
      const waiting = all.map(({ id }) => id).filter((id) => !settled.has(id) && !working.has(id));
      const told = queue.waiting(3);
      expect(told.count).toBe(waiting.length);
      expect(told.first.map(({ id }) => id)).toEqual(waiting.slice(0, 3));
    });
  });

  test('everything has an outcome in the end, and the queue keeps nothing', () => {
    inEveryStory((told) => {
      told.finish();
      expect({ left: told.queue.size, ready: told.queue.readyNeeds, wrong: told.wrong }).toEqual({
        left: 0,
        ready: [],
        wrong: [],
      });
      expect(told.settled.size).toBe(told.all.length);
      expect(told.queue.nextAt).toBeUndefined();
    });
  });
});

/** A pool of some slots, and tasks that wait for one all the time: what is served in which order. */
class Busy {
  readonly queue = new Queue();
  now = 0;
  #count = 0;

  submit(client: string, priority: number): string {
    const id = `${client}.${this.#count++}`;
    const facts: TaskFacts = {
      id: taskId(id),
      name: 'f',
      client,
      priority,
      needs: '',
      functionId: 'f',
      notBefore: 0,
      group: undefined,
      after: [],
      uses: [],
      queueTimeoutMs: undefined,
      runsOnce: false,
      deadlineAt: undefined,
    };
    this.queue.handle({ type: 'submitted', tasks: [{ facts }] }, this.now);
    return id;
  }

  /** The next task, which ends after so long. */
  serve(ms: number): string {
    let left = 1;
    const [next] = this.queue.handle({ type: 'room', needs: '', hasRoom: () => left-- > 0 }, this.now);
    if (!next) throw new Error('nothing waits');
    this.now += ms;
    this.queue.handle({ type: 'settled', id: next.id, state: 'succeeded' }, this.now);
    return next.id;
  }
}

describe('where more comes than can be served', () => {
  test('whatever waits is served once it has stood still for as long as others are more urgent', () => {
    const lead = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(
        fc.integer({ min: -5, max: 5 }),
        lead,
        fc.integer({ min: 50, max: 9_000 }),
        (low, by, ms) => {
          const busy = new Busy();
          const waiting = busy.submit('low', low);
          let served = '';
          while (served !== waiting) {
            busy.submit('high', low + by);
            served = busy.serve(ms);
            expect(busy.now).toBeLessThanOrEqual(by * AGEING_MS + 3 * ms);
            if (served === waiting) expect(busy.now).toBeGreaterThan(by * AGEING_MS);
          }
        },
      ),
      { seed: 7, numRuns: 50 },
    );
  });

  test('clients of one priority have as much of it, however much each of them submits', () => {
    const flood = fc.array(fc.integer({ min: 20, max: 60 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(flood, fc.integer({ min: 1, max: 1_000 }), (submissions, ms) => {
        const busy = new Busy();
        submissions.forEach((many, client) => {
          for (let n = 0; n < many; n++) busy.submit(`${client}`, 0);
        });
        const shares = submissions.map(() => 0);
        for (let n = 0; n < submissions.length * 20; n++) shares[Number(busy.serve(ms).split('.')[0])]! += 1;
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      }),
      { seed: 7, numRuns: 50 },
    );
  });
});
