import { describe, expect, test } from '@jest/globals';
import type { ListQuery, TaskOutcome, TaskStore } from '../../src/queue/store.js';
import { everything, failed, FN, id, spec, succeeded } from './tasks.js';

const NOBODY = { holder: 'nobody', until: 1_000 };

/** What the rules are tried on. */
export interface StoreScene {
  fresh: () => Promise<TaskStore>;
  /** A store with these tasks, and attempt 1 of each claimed where asked for. */
  withTasks: (names: string[], claimed?: boolean) => Promise<TaskStore>;
  /** The code of what it is refused with. */
  refusal: (promise: Promise<unknown>) => Promise<unknown>;
}

/** What is kept, for how long, and how it is found again. */
export function testKeeping({ fresh, withTasks, refusal }: StoreScene): void {
  describe('lists', () => {
    const names = (page: { tasks: { spec: { name: string } }[] }) => page.tasks.map((one) => one.spec.name);

    test('newest first, in pages', async () => {
      const store = await withTasks(['a', 'b', 'c', 'd', 'e']);
      const first = await store.list({ ...everything, limit: 2 });
      expect(names(first)).toEqual(['e', 'd']);
      await store.add([spec('later')], []);
      const second = await store.list({ ...everything, limit: 2, cursor: first.cursor });
      expect(names(second)).toEqual(['c', 'b']);
      const third = await store.list({ ...everything, limit: 2, cursor: second.cursor });
      expect(names(third)).toEqual(['a']);
      expect(third.cursor).toBeUndefined();
    });

    test('those in a state, of a name, of a group', async () => {
      const store = await withTasks(['a', 'b'], true);
      await store.add([spec('b', { id: id('b2') }), spec('c', { group: { name: 'g', limit: 1 } })], []);
      await store.settle([{ id: id('a'), attempt: 1, outcome: failed(), at: 9 }]);
      expect(names(await store.list({ ...everything, states: ['failed'] }))).toEqual(['a']);
      expect(names(await store.list({ ...everything, states: ['running', 'pending'] }))).toEqual([
        'c',
        'b',
        'b',
      ]);
      expect(names(await store.list({ ...everything, name: 'b' }))).toEqual(['b', 'b']);
      expect(names(await store.list({ ...everything, group: 'g' }))).toEqual(['c']);
    });

    test('those of a client, and those in which a text stands', async () => {
      const store = await withTasks(['resize', 'upload'], true);
      const preview = '"C:\\\\Übersicht 100%_.CSV"';
      await store.add([spec('parse', { client: 'nightly', preview })], []);
      await store.settle([{ id: id('upload'), attempt: 1, outcome: failed(), at: 9 }]);
      const found = async (query: Partial<ListQuery>) => names(await store.list({ ...everything, ...query }));
      expect(await found({ client: 'nightly' })).toEqual(['parse']);
      expect(await found({ client: 'night' })).toEqual([]);
      expect(await found({ text: 'SIZ' })).toEqual(['resize']);
      expect(await found({ text: '100%_.csv' })).toEqual(['parse']);
      expect(await found({ text: 'Übers' })).toEqual(['parse']);
      // Only letters without accents are the same in either case, in every store.
      expect(await found({ text: 'übers' })).toEqual([]);
      expect(await found({ text: '"c:\\\\' })).toEqual(['parse']);
      expect(await found({ text: id('resize') })).toEqual(['resize']);
      expect(await found({ text: 'NO' })).toEqual(['upload']);
      // Neither what stands around it where it is kept, nor a pattern.
      expect(await found({ text: 'preview' })).toEqual([]);
      expect(await found({ text: 're%e' })).toEqual([]);
      expect(await found({ text: 'SIZ', client: 'nightly' })).toEqual([]);
    });
  });

  describe('lists what has settled', () => {
    const ids = (page: { tasks: { spec: { id: string } }[] }) => page.tasks.map((one) => one.spec.id);

    test('in the order of the outcomes, in pages that what settles meanwhile does not disturb', async () => {
      const store = await withTasks(['a', 'b', 'c', 'd', 'e'], true);
      expect(await store.settled({ limit: 2, cursor: undefined })).toEqual({
        tasks: [],
        cursor: undefined,
      });
      const settle = (name: string, at: number, outcome: TaskOutcome) =>
        store.settle([{ id: id(name), attempt: 1, outcome, at }]);
      await settle('c', 10, succeeded());
      await settle('a', 10.001, failed());
      await settle('d', 11, succeeded());
      const first = await store.settled({ limit: 2, cursor: undefined });
      expect(ids(first)).toEqual([id('c'), id('a')]);
      expect(first.tasks[1]).toMatchObject({ state: 'failed', settledAt: 10.001 });
      await settle('b', 12, succeeded());
      const second = await store.settled({ limit: 2, cursor: first.cursor });
      expect(ids(second)).toEqual([id('d'), id('b')]);
      const third = await store.settled({ limit: 2, cursor: second.cursor });
      expect(third).toEqual({ tasks: [], cursor: undefined });
    });

    test('without what was dropped, or runs again; at its new place once that has settled', async () => {
      const store = await withTasks(['a', 'b', 'c'], true);
      await store.settle(
        [failed(), succeeded(), succeeded()].map((outcome, index) => {
          return { id: id('abc'[index] ?? ''), attempt: 1, outcome, at: 10 + index };
        }),
      );
      await store.drop([id('b')]);
      await store.retry([id('a')]);
      expect(ids(await store.settled({ limit: 9, cursor: undefined }))).toEqual([id('c')]);
      await store.claim([id('a')], NOBODY, 0);
      await store.settle([{ id: id('a'), attempt: 2, outcome: succeeded(), at: 20 }]);
      expect(ids(await store.settled({ limit: 9, cursor: undefined }))).toEqual([id('c'), id('a')]);
    });
  });

  describe('outcomes are dropped', () => {
    const settledAt = async (names: string[], outcome: TaskOutcome) => {
      const store = await withTasks(names, true);
      for (const [index, name] of names.entries())
        await store.settle([{ id: id(name), attempt: 1, outcome, at: 10 * (index + 1) }]);
      return store;
    };

    test('by age', async () => {
      const store = await settledAt(['a', 'b', 'c'], succeeded());
      const rule = { states: ['succeeded'] as const, before: 25, most: 100 };
      expect(await store.expendable(rule)).toEqual([id('a'), id('b')]);
      await store.drop([id('a'), id('b')]);
      expect(await store.expendable(rule)).toEqual([]);
      expect((await store.outcomes([id('a')]))[0]).toBe('dropped');
      expect((await store.find([id('a')]))[0]).toMatchObject({ state: 'succeeded', isDropped: true });
      expect((await store.outcomes([id('c')]))[0]).toMatchObject({ state: 'succeeded' });
    });

    test('by number', async () => {
      const store = await settledAt(['a', 'b', 'c'], failed());
      const rule = { states: ['failed', 'cancelled'] as const, before: -Infinity, most: 2 };
      expect(await store.expendable(rule)).toEqual([id('a')]);
    });

    test('with their keys, and cannot be used any more', async () => {
      const store = await fresh();
      await store.add([spec('a', { key: 'k' })], [FN]);
      await store.claim([id('a')], NOBODY, 0);
      await store.settle([{ id: id('a'), attempt: 1, outcome: succeeded(), at: 1 }]);
      await store.drop([id('a')]);
      expect((await store.add([spec('b', { key: 'k' })], [FN]))[0]).toMatchObject({
        id: id('b'),
        isNew: true,
      });
      const user = spec('user', { after: [id('a')], results: [{ index: 0, id: id('a') }] });
      expect(await refusal(store.add([user], [FN]))).toBe('result-dropped');
    });
  });

  describe('the source that people are shown', () => {
    const shown = (store: TaskStore, ...names: string[]) =>
      Promise.all(names.map((name) => store.source(id(name))));

    test('is that of the function, for all of its tasks', async () => {
      const store = await withTasks(['a', 'b'], true);
      await store.add([spec('c')], []);
      expect(await shown(store, 'a', 'b', 'c', 'none')).toEqual([FN.preview, FN.preview, FN.preview, '']);
      const settle = (name: string) =>
        store.settle([{ id: id(name), attempt: name === 'c' ? 0 : 1, outcome: succeeded(), at: 9 }]);
      for (const name of ['a', 'b', 'c']) await settle(name);
      expect(await shown(store, 'a', 'c')).toEqual([FN.preview, FN.preview]);
      await store.drop([id('a'), id('b')]);
      expect(await shown(store, 'a', 'b', 'c')).toEqual(['', '', FN.preview]);
      // The function was forgotten, and comes again without a word of how it is written.
      await store.add([spec('d')], [{ ...FN, preview: '' }]);
      expect(await shown(store, 'd')).toEqual([FN.preview]);
    });
  });
}
