import { describe, expect, test } from '@jest/globals';
import { PoolError } from '../../src/core/errors.js';
import { decodePayload, payloadFrom } from '../../src/wire/values/payload.js';
import { afterTurn, failed, failure, notBegun, result, results, Scene } from './held-lease-scene.js';

describe('what is sent under a lease', () => {
  test('begins with the lease itself, which is not sent twice', () => {
    const scene = new Scene();
    const lease = scene.leaseWith(['a']);
    scene.add('b');
    lease.fill(scene.line, 1);
    expect(scene.slot.sent.map(({ leaseId }) => leaseId)).toEqual(['lease 1', undefined]);
  });

  test('is one task at first, and more behind it when its pace is known', () => {
    const scene = new Scene();
    const lease = scene.lease();
    for (const name of ['a', 'b', 'c', 'd']) scene.add(name);
    lease.fill(scene.line, 1);
    lease.fill(scene.line, 1);
    expect([lease.underWay.tasks, scene.line.size]).toEqual([1, 3]);
    scene.slot.tell({ ...result(1, 'a'), runMs: 0.01 });
    lease.fill(scene.line, 1);
    expect([lease.underWay.tasks, scene.line.size]).toEqual([3, 0]);
  });

  test('is a lease’s own share of the line, from its front, numbered in a row', () => {
    const scene = new Scene();
    const tasks = ['a', 'b', 'c', 'd', 'e'].map((name) => scene.add(name));
    scene.areShort();
    scene.lease().fill(scene.line, 2);
    expect(tasks.map(({ number }) => number)).toEqual([1, 2, 3, 0, 0]);
    expect(scene.line.first).toBe(tasks[3]);
  });

  test('tells tasks that are alike together, and their function by its source once', () => {
    const scene = new Scene();
    const same = { name: 'same' };
    scene.areShort();
    for (const value of [1, 2, 3]) scene.add('same', same, value);
    scene.add('timed', { name: 'timed', timeoutMs: 50 }, 4);
    scene.add('array', { name: 'array' }, [5]);
    scene.lease().fill(scene.line, 1);
    const [alike, timed, array, ...others] = scene.slot.sent[0]?.tasks ?? [];
    expect(others).toEqual([]);
    expect(alike).toMatchObject({ number: 1, count: 3, isList: true, name: 'same' });
    expect(alike).not.toHaveProperty('limits');
    expect(decodePayload(payloadFrom(alike?.arguments, 'arguments'))).toEqual([[1], [2], [3]]);
    expect(alike?.source).toContain('=>');
    expect(timed).toMatchObject({ number: 4, count: 1, limits: { timeoutMs: 50 } });
    expect(array).toMatchObject({ number: 5, count: 1 });
    for (const one of [timed, array]) expect(one).not.toHaveProperty('isList');
    expect(decodePayload(payloadFrom(array?.arguments, 'arguments'))).toEqual([[5]]);
    expect([timed?.source, array?.source, timed?.functionId]).toEqual([
      undefined,
      undefined,
      array?.functionId,
    ]);
  });
});

describe('outcomes', () => {
  test('settle the tasks they are of, in whichever order they come', () => {
    const scene = new Scene();
    const lease = scene.leaseWith(['a', 'b', 'c', 'd', 'e']);
    scene.slot.tell(result(3, 'C'), results(1, ['A', undefined]));
    expect(scene.settled).toEqual({ a: 'A', b: undefined, c: 'C' });
    expect([lease.underWay.tasks, lease.isIdle]).toEqual([2, false]);
    scene.slot.tell(results(4, [['D'], new Map([[1, 2]])]));
    expect(scene.settled).toMatchObject({ d: ['D'], e: new Map([[1, 2]]) });
    expect(lease.underWay).toMatchObject({ tasks: 0, workMs: 0, bytes: 0 });
    expect([lease.isIdle, lease.isReady, scene.ended]).toEqual([true, true, []]);
  });

  test('that come again, or of tasks that nobody knows, change nothing', () => {
    const scene = new Scene();
    scene.leaseWith(['a', 'b']);
    scene.slot.tell(result(1, 'A'));
    scene.slot.tell(result(1, 'again'), failed(1, 1, failure('exited')), notBegun(1, 1), results(7, [1, 2]));
    expect([scene.settled, scene.handedBack, scene.ended]).toEqual([{ a: 'A' }, [], []]);
  });

  test('tell the pace of the function', () => {
    const scene = new Scene();
    const task = scene.add('a');
    scene.lease().fill(scene.line, 1);
    scene.slot.tell({ ...result(1, 'A'), runMs: 40 });
    expect(scene.pace.of(task.fn.id)).toBeCloseTo(40, 1);
  });

  test('of tasks that failed alike fail each of them', () => {
    const scene = new Scene();
    scene.leaseWith(['a', 'b', 'c']);
    scene.slot.tell(failed(1, 2, failure('not-shippable', false)), failed(3, 1, failure('thrown')));
    expect(scene.settled).toMatchObject({ a: ['not-shippable', false], b: ['not-shippable', false] });
    expect(scene.settled['c']).toEqual(new Error('thrown'));
  });

  test('that are not what they say they are fail their tasks', () => {
    const scene = new Scene();
    scene.leaseWith(['a', 'b', 'c']);
    const damaged = { encoding: 'V8', data: Buffer.from('nonsense') } as const;
    scene.slot.tell(
      { ...results(1, ['A', 'B', 'one too many']), count: 2 },
      { ...result(3, 0), results: damaged },
    );
    expect(scene.settled).toEqual({
      a: ['internal', true],
      b: ['internal', true],
      c: expect.any(Array),
    });
  });

  test('that tell of a function nobody knows send the tasks back, to go with its source', () => {
    const scene = new Scene();
    const lease = scene.leaseWith(['a', 'b', 'c']);
    scene.slot.tell(failed(1, 2, failure('code-unknown', false)), result(3, 'C'));
    expect([scene.handedBack, scene.settled, scene.ended]).toEqual([[['a', 'b']], { c: 'C' }, []]);
    for (const name of ['d', 'e']) {
      scene.add(name);
      lease.fill(scene.line, 1);
    }
    expect(scene.slot.sent.slice(1).map(({ tasks }) => tasks?.[0]?.source)).toEqual([
      expect.stringContaining('=>'),
      undefined,
    ]);
  });
});

describe('the priority of a lease', () => {
  test('is that of the tasks sent last, told when it changes', () => {
    const scene = new Scene();
    scene.areShort();
    const lease = scene.lease();
    for (const [name, priority] of [
      ['a', 0],
      ['b', 7],
      ['c', 7],
      ['d', -1],
    ] as const) {
      scene.add(name, { priority });
      lease.fill(scene.line, 1);
    }
    expect(scene.regraded).toEqual([
      [1, 7],
      [1, -1],
    ]);
    expect(lease.claim.priority).toBe(-1);
  });
});

describe('the end of a lease', () => {
  test('comes with tasks that did not begin, which go back in their order', () => {
    const scene = new Scene();
    const lease = scene.leaseWith(['a', 'b', 'c', 'd']);
    scene.slot.tell(result(1, 'A'), notBegun(2, 3));
    expect([scene.settled, scene.handedBack, scene.ended]).toEqual([{ a: 'A' }, [['b', 'c', 'd']], [1]]);
    expect([lease.isReady, lease.isIdle, scene.slot.users.size]).toEqual([false, true, 0]);
  });

  test('leaves what runs to finish', () => {
    const scene = new Scene();
    const lease = scene.leaseWith(['a']);
    lease.end();
    lease.end();
    expect([scene.ended, lease.isReady, scene.slot.users.size]).toEqual([[1], false, 1]);
    scene.slot.tell(result(1, 'A'));
    expect([scene.settled, scene.slot.users.size]).toEqual([{ a: 'A' }, 0]);
  });

  test('asks the worker about tasks that the slot neither runs nor hands back', async () => {
    const scene = new Scene();
    const lease = scene.leaseWith(['a', 'b', 'c']);
    lease.end();
    expect(await scene.worker.whenAsked).toEqual({ leaseId: 'lease 1' });
    await scene.worker.answer({ begun: 1 });
    expect([scene.handedBack, scene.settled]).toEqual([[['b', 'c']], {}]);
    scene.slot.tell(result(1, 'A'));
    expect([scene.settled, scene.slot.users.size]).toEqual([{ a: 'A' }, 0]);
  });

  test('does not ask where the slot has handed back by itself', async () => {
    const [prompt, silent] = [new Scene(), new Scene()];
    prompt.leaseWith(['a', 'b']).end();
    prompt.slot.tell(notBegun(2, 1));
    silent.leaseWith(['a', 'b']).end();
    await silent.worker.whenAsked; // It ended later, so it asks later.
    expect([prompt.worker.asked, prompt.handedBack]).toEqual([[], [['b']]]);
  });
});

describe('a stream that breaks', () => {
  test('ends a lease with nothing under way, and nobody is asked', () => {
    const scene = new Scene();
    scene.lease();
    scene.slot.break();
    expect([scene.ended, scene.slot.users.size, scene.worker.asked]).toEqual([[1], 0, []]);
  });

  test('has the worker tell what became of each task', async () => {
    const scene = new Scene();
    const lease = scene.leaseWith(['a', 'b', 'c', 'd', 'e', 'f']);
    scene.slot.tell(result(1, 'A'));
    scene.slot.break();
    expect([scene.worker.asked, scene.ended]).toEqual([[{ leaseId: 'lease 1', stopAny: true }], [1]]);
    await scene.worker.answer({ begun: 4, failure: failure('exited'), unsent: [result(2, 'B')] });
    expect(scene.settled).toEqual({ a: 'A', b: 'B', c: ['worker-lost', true], d: ['exited', true] });
    expect(scene.handedBack).toEqual([['e', 'f']]);
    expect([lease.isIdle, scene.slot.users.size]).toEqual([true, 0]);
  });

  test('gives a result that was on its way precedence over the failure', async () => {
    const scene = new Scene();
    scene.leaseWith(['a']);
    scene.slot.break();
    await scene.worker.answer({ begun: 1, failure: failure('exited'), unsent: [results(1, ['A'])] });
    expect(scene.settled).toEqual({ a: 'A' });
  });

  test('sends every task back where none had begun', async () => {
    const scene = new Scene();
    scene.leaseWith(['a', 'b']);
    scene.slot.break();
    await scene.worker.answer({ begun: 0 });
    expect([scene.handedBack, scene.settled]).toEqual([[['a', 'b']], {}]);
  });

  test('loses every task where the worker does not answer either', async () => {
    const scene = new Scene();
    const lease = scene.leaseWith(['a', 'b']);
    scene.slot.break();
    await scene.worker.refuse(new PoolError('worker-lost', 'nobody there'));
    expect(scene.settled).toEqual({ a: ['worker-lost', true], b: ['worker-lost', true] });
    expect([lease.isIdle, scene.handedBack, scene.slot.users.size]).toEqual([true, [], 0]);
  });

  test('leaves the holder told that it may go on', async () => {
    const scene = new Scene();
    scene.leaseWith(['a']);
    scene.slot.break();
    const before = scene.changes;
    await scene.worker.answer({ begun: 0 });
    expect(scene.changes).toBeGreaterThan(before);
  });
});

describe('a task that its own limits settle', () => {
  test('is stopped on the worker; what had not begun goes back, and what ran before it is awaited', async () => {
    const scene = new Scene();
    const cancel = new AbortController();
    const lease = scene.leaseWith(['a', 'b']);
    scene.add('c', { signal: cancel.signal });
    scene.add('d');
    lease.fill(scene.line, 1);
    cancel.abort();
    expect(scene.settled).toEqual({ c: ['cancelled', true] });
    await afterTurn();
    expect([scene.worker.asked, scene.ended]).toEqual([[{ leaseId: 'lease 1', stopTasks: [3] }], [1]]);
    await scene.worker.answer({ begun: 3, failure: failure('cancelled') });
    expect(scene.handedBack).toEqual([['d']]);
    scene.slot.tell(results(1, ['A', 'B', 'too late']));
    expect(scene.settled).toEqual({ a: 'A', b: 'B', c: ['cancelled', true] });
    expect([lease.isIdle, scene.slot.users.size]).toEqual([true, 0]);
  });

  test('is told to the worker together with others of the same turn', async () => {
    const scene = new Scene();
    const cancel = new AbortController();
    scene.areShort();
    for (const name of ['a', 'b', 'c']) scene.add(name, { signal: cancel.signal });
    scene.lease().fill(scene.line, 1);
    cancel.abort();
    await afterTurn();
    expect(scene.worker.asked).toEqual([{ leaseId: 'lease 1', stopTasks: [1, 2, 3] }]);
  });

  test('leaves the others to the stream where the worker does not answer', async () => {
    const scene = new Scene();
    const cancel = new AbortController();
    const lease = scene.leaseWith(['a', 'b']);
    scene.add('c', { signal: cancel.signal });
    lease.fill(scene.line, 1);
    cancel.abort();
    await afterTurn();
    await scene.worker.refuse(new PoolError('worker-lost', 'nobody there'));
    scene.slot.tell(result(1, 'A'), notBegun(2, 2));
    expect([scene.settled, scene.handedBack]).toEqual([{ a: 'A', c: ['cancelled', true] }, [['b']]]);
  });
});

describe('two leases on one slot, one after the other', () => {
  test('each take the outcomes of their own tasks, however late', () => {
    const scene = new Scene();
    scene.leaseWith(['old 1', 'old 2'], 1).end();
    const newer = scene.leaseWith(['new 1', 'new 2'], 2);
    scene.slot.tell(result(1, 'O1'), notBegun(2, 1), results(3, ['N1']));
    expect(scene.settled).toEqual({ 'old 1': 'O1', 'new 1': 'N1' });
    expect([scene.handedBack, scene.ended]).toEqual([[['old 2']], [1]]);
    expect([newer.isReady, newer.underWay.tasks, scene.slot.users.size]).toEqual([true, 1, 1]);
  });

  test('the older one’s account of its tasks leaves those of the newer one under way', async () => {
    const scene = new Scene();
    scene.leaseWith(['old 1', 'old 2'], 1).end();
    const newer = scene.leaseWith(['new 1', 'new 2'], 2);
    await scene.worker.whenAsked;
    await scene.worker.answer({ begun: 0, failure: failure('exited'), unsent: [result(3, 'not its own')] });
    expect([scene.handedBack, scene.settled]).toEqual([[['old 1', 'old 2']], {}]);
    expect([newer.isReady, newer.underWay.tasks]).toEqual([true, 2]);
  });
});
