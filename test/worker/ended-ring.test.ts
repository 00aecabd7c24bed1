import { expect, test } from '@jest/globals';
import { Board } from '../../src/worker/board.js';
import { EndedRing, type EndedTask } from '../../src/worker/ended-ring.js';

/** The side of the slot's thread, and that of the main thread. */
function twoSides(): { thread: EndedRing; main: EndedRing } {
  const buffer = new SharedArrayBuffer(8 + EndedRing.LENGTH);
  return { thread: new EndedRing(buffer, 8), main: new EndedRing(buffer, 8) };
}

const task = (more: Partial<EndedTask> = {}): EndedTask => ({
  taskId: 't',
  name: 'resize',
  begunAt: 1_000,
  runMs: 5,
  isFailed: false,
  ...more,
});

/** As the thread does it. */
function end(ring: EndedRing, ended: EndedTask): void {
  if (ring.isWatched && ring.takes(ended.begunAt, ended.runMs)) ring.note(ended);
}

test('what has ended is taken once, in its order, with all that is known of it', () => {
  const { thread, main } = twoSides();
  main.watch(2);
  const tasks = [
    task({ taskId: 'client.1', name: 'größer\nals' }),
    task({ taskId: '', name: '', begunAt: 1_005.25, runMs: 0.125, isFailed: true }),
  ];
  end(thread, tasks[0] as EndedTask);
  expect(main.take()).toEqual({ ended: [tasks[0]], skipped: 0 });
  end(thread, { ...(tasks[1] as EndedTask), begunAt: 1_008 });
  expect(main.take()).toEqual({ ended: [{ ...tasks[1], begunAt: 1_008 }], skipped: 0 });
  expect(main.take()).toEqual({ ended: [], skipped: 0 });
});

test('while nobody watches nothing is noted, nor counted; what was noted before is not told to those who come later', () => {
  const { thread, main } = twoSides();
  end(thread, task());
  main.watch(2);
  expect(main.take()).toEqual({ ended: [], skipped: 0 });
  end(thread, task());
  main.watch(0);
  end(thread, task());
  main.watch(2);
  expect(main.take()).toEqual({ ended: [], skipped: 0 });
});

test('of tasks shorter than the finest time one in such a time is noted, the others are counted; longer ones all are', () => {
  const { thread, main } = twoSides();
  main.watch(2);
  for (let n = 0; n < 40; n++) end(thread, task({ begunAt: 1_000 + n / 4, runMs: 0.25 }));
  for (let n = 0; n < 5; n++) end(thread, task({ begunAt: 2_000 + 2 * n, runMs: 2 }));
  const { ended, skipped } = main.take();
  expect(ended.filter(({ runMs }) => runMs < 2)).toHaveLength(5);
  expect(ended.filter(({ runMs }) => runMs === 2)).toHaveLength(5);
  expect(skipped).toBe(35);
});

test('what finds no room is counted, and there is room again once the others are taken', () => {
  const { thread, main } = twoSides();
  main.watch(2);
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 200; n++) end(thread, task({ begunAt: 1_000 * round + 5 * n }));
    const { ended, skipped } = main.take();
    expect([ended.length, skipped]).toEqual([128, 72]);
    expect(ended.at(-1)?.begunAt).toBe(1_000 * round + 5 * 127);
  }
});

test('a text that is too long is cut off, and the next one is whole', () => {
  const { thread, main } = twoSides();
  main.watch(2);
  end(thread, task({ name: 'é'.repeat(500) }));
  end(thread, task({ name: 'next', begunAt: 1_010 }));
  const [long, next] = main.take().ended;
  expect(long?.name).toMatch(/^é{100,}$/);
  expect(next?.name).toBe('next');
});

test('a board tells its tasks while somebody watches, by whichever side ended them; setups are none', () => {
  const main = new Board();
  const thread = new Board(main.buffer);
  thread.admit(3);
  thread.begin(3, 1, 'unseen');
  thread.finish(true);
  main.ended.watch(2);
  thread.begin(3, 2, 'resize', 'client', 7);
  thread.finish(true);
  thread.begin(3, 3, 'setup');
  thread.finish(undefined);
  const { ended, skipped } = main.ended.take();
  expect([ended.length, skipped]).toEqual([1, 0]);
  expect(ended[0]).toMatchObject({ taskId: 'client.7', name: 'resize', isFailed: false });
  thread.begin(3, 4, 'lost', 'abcdefgh', 0);
  main.finish(false);
  expect(main.ended.take().ended).toMatchObject([{ taskId: 'abcdefgh', name: 'lost', isFailed: true }]);
});
