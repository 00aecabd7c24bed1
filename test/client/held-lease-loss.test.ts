import { describe, expect, test } from '@jest/globals';
import { PoolError } from '../../src/core/errors.js';
import { afterTurn, failed, failure, notBegun, result, Scene } from './held-lease-scene.js';

describe('a lease whose worker is lost', () => {
  test('fails an attempt at each task under way, as nobody knows which has begun', async () => {
    const scene = new Scene();
    const lease = scene.leaseWith(['a', 'b', 'c']);
    scene.slot.tell(result(1, 'A'));
    await lease.lost();
    expect(scene.failed).toEqual([
      ['b', 'worker-lost'],
      ['c', 'worker-lost'],
    ]);
    expect(scene.settled).toEqual({ a: 'A', b: ['worker-lost', true], c: ['worker-lost', true] });
    expect([lease.isIdle, lease.isReady, scene.handedBack]).toEqual([true, false, []]);
  });

  test('is over at once, and asks nobody', async () => {
    const scene = new Scene();
    const lease = scene.leaseWith(['a']);
    await lease.lost();
    scene.slot.break();
    await afterTurn();
    expect([scene.ended, scene.through, scene.slot.users.size]).toEqual([[1], [1], 0]);
    expect([scene.worker.asked, scene.abandoned]).toEqual([[], []]);
  });

  test('that was ending already is over too', async () => {
    const scene = new Scene();
    const lease = scene.leaseWith(['a']);
    lease.end();
    expect([scene.ended, scene.through]).toEqual([[1], []]);
    await lease.lost();
    expect([scene.ended, scene.through, scene.failed]).toEqual([[1], [1], [['a', 'worker-lost']]]);
  });

  test('takes no outcome any more: the tasks run elsewhere', async () => {
    const scene = new Scene();
    await scene.leaseWith(['a', 'b']).lost();
    scene.slot.tell(result(1, 'late'), notBegun(2, 1));
    expect([scene.settled, scene.handedBack]).toEqual([
      { a: ['worker-lost', true], b: ['worker-lost', true] },
      [],
    ]);
  });

  test('has no part in what befalls the next stream on its slot', async () => {
    const scene = new Scene();
    scene.leaseWith(['a']);
    scene.slot.break();
    scene.slot.break();
    await afterTurn();
    expect(scene.worker.asked).toHaveLength(1);
  });

  test('answers too late to what it was asked before', async () => {
    const scene = new Scene();
    const lease = scene.leaseWith(['a', 'b']);
    scene.slot.break();
    await lease.lost();
    await scene.worker.answer({ begun: 1, failure: failure('exited'), unsent: [] });
    expect(scene.failed.map(([name]) => name)).toEqual(['a', 'b']);
    expect(scene.handedBack).toEqual([]);
  });
});

describe('a worker that a client cannot reach', () => {
  test('has its lease given up, so that what may still run there is stopped', async () => {
    const scene = new Scene();
    scene.leaseWith(['a', 'b']);
    scene.slot.break();
    expect(scene.abandoned).toEqual([]);
    await scene.worker.refuse(new PoolError('worker-lost', 'nobody there'));
    expect([scene.abandoned, scene.through]).toEqual([[1], [1]]);
    expect(scene.failed).toEqual([
      ['a', 'worker-lost'],
      ['b', 'worker-lost'],
    ]);
  });

  test('keeps its lease where its main thread still answers', async () => {
    const scene = new Scene();
    scene.leaseWith(['a', 'b']);
    scene.slot.break();
    await scene.worker.answer({ begun: 1, failure: failure('exited') });
    expect([scene.abandoned, scene.failed, scene.handedBack]).toEqual([[], [['a', 'exited']], [['b']]]);
  });
});

describe('a slot that is about to go', () => {
  test('ends a lease with nothing under way, and nobody is asked', () => {
    const scene = new Scene();
    scene.lease();
    scene.slot.close();
    expect([scene.ended, scene.slot.users.size, scene.worker.asked]).toEqual([[1], 0, []]);
  });

  test('is kept until everything that it was sent is answered, by its worker or by itself', async () => {
    const scene = new Scene();
    scene.leaseWith(['a', 'b', 'c', 'd']);
    scene.slot.close();
    expect(scene.worker.asked).toEqual([{ leaseId: 'lease 1' }]);
    await scene.worker.answer({ begun: 3, failure: failure('timeout'), unsent: [result(2, 'B')] });
    expect([scene.handedBack, scene.failed]).toEqual([[['d']], [['c', 'timeout']]]);
    expect([scene.slot.users.size, scene.through]).toEqual([1, []]);
    scene.slot.tell(result(1, 'A'));
    expect([scene.slot.users.size, scene.through]).toEqual([0, [1]]);
    expect(scene.settled).toEqual({ a: 'A', b: 'B', c: ['timeout', true] });
  });

  test('that has gone by the time of the next stream says nothing of what went by the one before', async () => {
    const scene = new Scene();
    scene.leaseWith(['a']);
    scene.slot.break();
    scene.slot.vanish();
    expect(scene.handedBack).toEqual([]);
    await scene.worker.answer({ begun: 1, failure: failure('lease-lost') });
    expect([scene.handedBack, scene.failed]).toEqual([[], [['a', 'lease-lost']]]);
  });

  test('that has gone before anything arrived costs no attempt', () => {
    const scene = new Scene();
    const lease = scene.leaseWith(['a', 'b']);
    scene.slot.vanish();
    expect([scene.handedBack, scene.failed, scene.worker.asked]).toEqual([[['a', 'b']], [], []]);
    expect([lease.isReady, scene.ended, scene.through]).toEqual([false, [1], [1]]);
  });
});

describe('a lease that is claimed from a coordinator that was started again', () => {
  test('is wanted while it may be used, and else only for what runs to finish', () => {
    const scene = new Scene();
    const lease = scene.leaseWith(['a']);
    expect(lease.claim).toEqual({ leaseId: 'lease 1', epoch: 1, returned: false, priority: 0 });
    lease.end();
    expect(lease.claim).toEqual({ leaseId: 'lease 1', epoch: 1, returned: true, priority: 0 });
    expect(scene.through).toEqual([]);
    scene.slot.tell(result(1, 'A'));
    expect(scene.through).toEqual([1]);
  });

  test.each([
    ['has a worker of two slots to itself', 2, false, ['a']],
    ['shares it from then on: what is lost there counts against nobody', 2, true, []],
    ['goes on alone where there is one slot', 1, true, ['a']],
  ])('%s', async (_, workerSlots, isClaimed, alone) => {
    const scene = new Scene();
    const lease = scene.lease(1, { alone: true, workerSlots });
    scene.add('a');
    lease.fill(scene.line, 1);
    if (isClaimed) expect(lease.claim.epoch).toBe(1);
    await lease.lost();
    expect(scene.alone).toEqual(alone);
  });
});

test('an attempt is told to have failed with what happened to it', () => {
  const scene = new Scene();
  scene.leaseWith(['a', 'b', 'c']);
  const [thrown, late, odd] = [failure('thrown'), failure('timeout'), failure('never heard of')];
  scene.slot.tell(failed(1, 1, thrown), failed(2, 1, late), failed(3, 1, odd));
  expect(scene.failed).toEqual([
    ['a', 'thrown'],
    ['b', 'timeout'],
    ['c', 'internal'],
  ]);
});
