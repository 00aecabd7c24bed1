import { afterEach, describe, expect, test } from '@jest/globals';
import type { TaskOutcome, TaskStore } from '../../src/queue/store.js';
import { failed, FN, id, spec, succeeded } from './tasks.js';

const NOBODY = { holder: 'nobody', until: 1_000 };
const LATER = Number.MAX_SAFE_INTEGER;

/** The rules of stores that one coordinator has for itself: it says what it claims, and until when. */
export function testClaims(name: string, open: () => Promise<TaskStore>): void {
  describe(`a claim in the ${name} store`, () => {
    let store: TaskStore;
    afterEach(() => store.close());
    const withTasks = async (names: string[]) => {
      store = await open();
      await store.add(
        names.map((one) => spec(one)),
        [FN],
      );
      return store;
    };

    test('counts up the attempt, and keeps others away until it runs out', async () => {
      const store = await withTasks(['a']);
      const claim = (holder: string, now: number) =>
        store.claim([id('a')], { holder, until: now + 100 }, now);
      expect((await claim('one', 0))[0]?.attempt).toBe(1);
      expect(await claim('two', 50)).toEqual([undefined]);
      expect((await claim('two', 100))[0]?.attempt).toBe(2);
    });

    test('that is renewed goes on', async () => {
      const store = await withTasks(['a']);
      await store.claim([id('a')], { holder: 'one', until: 100 }, 0);
      await store.renew([{ id: id('a'), attempt: 1 }], { holder: 'one', until: 200 });
      await store.renew([{ id: id('a'), attempt: 1 }], { holder: 'two', until: 900 });
      expect(await store.claim([id('a')], NOBODY, 150)).toEqual([undefined]);
      expect((await store.claim([id('a')], NOBODY, 200))[0]?.attempt).toBe(2);
    });

    test('lets nobody else settle its task: the first outcome of the current attempt counts', async () => {
      const store = await withTasks(['a']);
      await store.claim([id('a')], NOBODY, 0);
      await store.claim([id('a')], { holder: 'two', until: LATER }, 1_000);
      const settle = async (attempt: number, outcome: TaskOutcome) =>
        (await store.settle([{ id: id('a'), attempt, outcome, at: 9 }]))[0];
      expect(await settle(1, failed())).toBe(false);
      expect(await settle(2, succeeded())).toBe(true);
      expect(await settle(2, failed())).toBe(false);
      expect((await store.find([id('a')]))[0]?.state).toBe('succeeded');
    });
  });

  describe(`the source that people are shown in the ${name} store`, () => {
    let store: TaskStore;
    afterEach(() => store.close());
    const shown = (...names: string[]) => Promise.all(names.map((one) => store.source(id(one))));
    const over = (...names: string[]) =>
      store.settle(names.map((one) => ({ id: id(one), attempt: 0, outcome: failed(), at: 9 })));

    test('goes with the last task of its function', async () => {
      store = await open();
      await store.add([spec('a'), spec('b')], [FN]);
      await over('a', 'b');
      await store.drop([id('a')]);
      expect(await shown('a', 'b')).toEqual(['', FN.preview]);
      await store.drop([id('b')]);
      await store.add([spec('c')], [{ ...FN, preview: '' }]);
      expect(await shown('b', 'c')).toEqual(['', '']);
      await store.add([spec('d')], [FN]);
      expect(await shown('c', 'd')).toEqual([FN.preview, FN.preview]);
    });

    test('is not counted twice for a task that was there before', async () => {
      store = await open();
      await store.add([spec('a'), spec('b')], [FN]);
      await store.add([spec('a')], [FN]);
      await over('a', 'b');
      await store.drop([id('a'), id('b'), id('b')]);
      await store.add([spec('c')], [{ ...FN, preview: '' }]);
      expect(await shown('c')).toEqual(['']);
    });
  });
}
