import { afterEach, describe, expect, test } from '@jest/globals';
import { PoolError } from '../../src/core/errors.js';
import type { TaskOutcome, TaskStore } from '../../src/queue/store.js';
import { testKeeping } from './store-contract-keeping.js';
import { course, failed, FN, id, log, source, spec, succeeded } from './tasks.js';

const NOBODY = { holder: 'nobody', until: 1_000 };
const LATER = Number.MAX_SAFE_INTEGER;

/** The rules that every store keeps. */
export function testTaskStore(name: string, open: () => Promise<TaskStore>): void {
  describe(`the ${name} store`, () => {
    let opened: TaskStore[] = [];
    const fresh = async () => {
      const store = await open();
      opened.push(store);
      return store;
    };
    afterEach(async () => {
      for (const store of opened) await store.close();
      opened = [];
    });
    /** A store with these tasks, and attempt 1 of each claimed where asked for. */
    const withTasks = async (names: string[], claimed = false) => {
      const store = await fresh();
      await store.add(
        names.map((one) => spec(one)),
        [FN],
      );
      if (claimed) await store.claim(names.map(id), { holder: 'me', until: LATER }, 5);
      return store;
    };
    const refusal = async (promise: Promise<unknown>) => {
      const error = await promise.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      return error instanceof PoolError ? error.code : error;
    };

    describe('takes tasks on', () => {
      test('and has them as they were', async () => {
        const store = await fresh();
        const whole = spec('whole', {
          priority: -3,
          notBefore: 10,
          key: 'a key',
          group: { name: 'g', limit: 2 },
          timeoutMs: 1,
          queueTimeoutMs: 2,
          deadlineAt: 3,
          retries: 0,
          retryOn: ['thrown'],
          preview: 'ä',
        });
        const [added] = await store.add([whole], [FN]);
        expect(added).toEqual({ id: whole.id, isNew: true, unsettled: [], upstream: undefined });
        const [claimed] = await store.claim([whole.id], NOBODY, 0);
        expect(claimed).toMatchObject({ attempt: 1, fn: { id: FN.id, source, parts: [] } });
        expect({ ...claimed?.spec, args: undefined }).toEqual({ ...whole, args: undefined });
        expect(Buffer.from(claimed?.spec.args.data ?? []).toString()).toBe('arguments of whole');
      });

      test('once, however often they are sent', async () => {
        const store = await withTasks(['a']);
        const [again, other] = await store.add([spec('a', { name: 'changed' }), spec('b')], []);
        expect([again?.isNew, other?.isNew]).toEqual([false, true]);
        expect((await store.find([id('a')]))[0]?.spec.name).toBe('a');
      });

      test('once for each key, within one request too', async () => {
        const store = await fresh();
        const key = 'nightly';
        const added = await store.add([spec('a', { key }), spec('b', { key }), spec('c')], [FN]);
        expect(added.map((one) => [one.id, one.isNew])).toEqual([
          [id('a'), true],
          [id('a'), false],
          [id('c'), true],
        ]);
        expect(await store.find([id('b')])).toEqual([undefined]);
      });

      test('all of a request or none', async () => {
        const store = await fresh();
        const stranger = spec('b', { functionId: '0'.repeat(64) });
        expect(await refusal(store.add([spec('a'), stranger], [FN]))).toBe('code-unknown');
        expect(await refusal(store.add([spec('a'), spec('c', { after: [id('none')] })], [FN]))).toBe(
          'not-found',
        );
        expect(await store.find([id('a')])).toEqual([undefined]);
      });

      test('that come after others, and says how those stand', async () => {
        const store = await withTasks(['good', 'bad', 'open'], true);
        await store.settle([
          { id: id('good'), attempt: 1, outcome: succeeded(), at: 9 },
          { id: id('bad'), attempt: 1, outcome: failed(), at: 9 },
        ]);
        const after = [id('good'), id('open'), id('new')];
        const added = await store.add(
          [spec('new'), spec('x', { after }), spec('y', { after: [id('bad')] })],
          [],
        );
        expect(added[1]).toMatchObject({ unsettled: [id('open'), id('new')], upstream: undefined });
        expect(added[2]).toMatchObject({ unsettled: [], upstream: id('bad') });
      });
    });

    describe('a claim', () => {
      test('that is released makes the task pending', async () => {
        const store = await withTasks(['a'], true);
        // Whether a worker has it by now its coordinator knows.
        expect((await store.find([id('a')]))[0]).toMatchObject({
          state: 'running',
          attempt: 1,
          startedAt: undefined,
        });
        await store.release([{ id: id('a'), attempt: 7 }]);
        expect((await store.find([id('a')]))[0]?.state).toBe('running');
        await store.release([{ id: id('a'), attempt: 1 }]);
        expect((await store.find([id('a')]))[0]?.state).toBe('pending');
        expect((await store.claim([id('a')], NOBODY, 0))[0]?.attempt).toBe(2);
      });

      test('counts on from the last attempt that was made under the one before', async () => {
        const store = await withTasks(['a', 'b'], true);
        const made = { attempt: 1, retries: 2, startedAt: 8, outcome: failed(), at: 9 };
        const cut = { attempt: 1, outcome: failed(), at: 9 };
        expect(
          await store.settle([
            { id: id('a'), ...made },
            { id: id('b'), ...cut },
          ]),
        ).toEqual([true, true]);
        const times = async () => {
          const records = await store.find([id('a'), id('b')]);
          return records.map((record) => [record?.state, record?.attempt, record?.startedAt]);
        };
        expect(await times()).toEqual([
          ['failed', 3, 8],
          ['failed', 1, undefined],
        ]);
        await store.retry([id('a')]);
        expect((await times())[0]).toEqual(['pending', 3, 8]);
        expect((await store.claim([id('a')], NOBODY, 0))[0]?.attempt).toBe(4);
        expect(await store.settle([{ id: id('a'), ...made, attempt: 3 }])).toEqual([false]);
        expect(await store.settle([{ id: id('a'), ...cut, attempt: 4, outcome: succeeded() }])).toEqual([
          true,
        ]);
        expect((await times())[0]).toEqual(['succeeded', 4, 8]);
      });

      test('is not to be had of what is settled or not there', async () => {
        const store = await withTasks(['a'], true);
        await store.settle([{ id: id('a'), attempt: 1, outcome: succeeded(), at: 9 }]);
        expect(await store.claim([id('a'), id('none')], NOBODY, LATER)).toEqual([undefined, undefined]);
      });
    });

    describe('an outcome', () => {
      test('is kept as it came', async () => {
        const store = await withTasks(['a', 'b'], true);
        await store.settle([
          { id: id('a'), attempt: 1, outcome: succeeded('ü'), at: 9 },
          { id: id('b'), attempt: 1, outcome: failed(), at: 9 },
        ]);
        const [a, b, none] = await store.outcomes([id('a'), id('b'), id('none')]);
        expect(a).toMatchObject({ state: 'succeeded', runMs: 3, result: { encoding: 'V8' } });
        expect(a && a !== 'dropped' && a.state === 'succeeded' && Buffer.from(a.result.data).toString()).toBe(
          'ü',
        );
        expect(b).toMatchObject({ state: 'failed', runMs: 4, failure: { code: 'thrown', mayHaveRun: true } });
        const error = b && b !== 'dropped' && b.state === 'failed' ? b.failure.error?.data : undefined;
        expect(Buffer.from(error ?? []).toString()).toBe('E');
        expect(none).toBeUndefined();
        expect((await store.find([id('b')]))[0]).toMatchObject({
          state: 'failed',
          settledAt: 9,
          failure: { code: 'thrown', message: 'no' },
        });
      });

      test('has with it what the task has printed, for as long as it is kept', async () => {
        const store = await withTasks(['a', 'b'], true);
        await store.settle([
          { id: id('a'), attempt: 1, outcome: failed(), at: 9, log },
          { id: id('b'), attempt: 1, outcome: succeeded(), at: 9, log },
        ]);
        expect(await store.logs(id('a'))).toEqual(log);
        await store.retry([id('a')]);
        expect(await store.logs(id('a'))).toEqual([]);
        await store.drop([id('b')]);
        expect(await store.logs(id('b'))).toEqual([]);
        expect(await store.logs(id('none'))).toEqual([]);
      });

      test('says where the time of its attempt went, until the task is to run again', async () => {
        const store = await withTasks(['a', 'b'], true);
        await store.settle([
          { id: id('a'), attempt: 1, outcome: failed(), at: 9, course },
          { id: id('b'), attempt: 1, outcome: succeeded(), at: 9 },
        ]);
        const found = await store.find([id('a'), id('b')]);
        expect(found.map((one) => one?.course)).toEqual([course, undefined]);
        await store.retry([id('a')]);
        expect((await store.find([id('a')]))[0]?.course).toBeUndefined();
      });

      test('can be given to a task that was never claimed', async () => {
        const store = await withTasks(['a']);
        const outcome: TaskOutcome = { ...failed(), state: 'cancelled' } as TaskOutcome;
        expect(await store.settle([{ id: id('a'), attempt: 0, outcome, at: 9 }])).toEqual([true]);
        expect((await store.find([id('a')]))[0]).toMatchObject({ state: 'cancelled', attempt: 0 });
      });
    });

    testKeeping({ fresh, withTasks, refusal });
  });
}
