import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { JetStreamTaskStore } from '../../src/queue/stores/jetstream/store.js';
import { Listener } from '../queue/claimable.js';
import { failed, FN, id, spec, succeeded } from '../queue/tasks.js';
import { clear, openStore } from '../support/jetstream.js';
import { NATS_SERVER, type NatsCluster, startNats } from '../support/nats.js';
import { testWith } from '../support/programs.js';
import { Sandbox } from '../support/sandbox.js';
import { waitFor } from '../support/wait.js';

const isThere = testWith(NATS_SERVER) === test;

// The rules of stores that coordinators share, with a real server.
(isThere ? describe : describe.skip)('two coordinators with one store', () => {
  let sandbox: Sandbox;
  let nats: NatsCluster;
  let stores: JetStreamTaskStore[];
  let one: JetStreamTaskStore;
  let two: JetStreamTaskStore;
  let heardOne: Listener;
  let heardTwo: Listener;
  beforeAll(async () => {
    sandbox = new Sandbox();
    nats = await startNats(sandbox);
  });
  afterAll(() => sandbox[Symbol.asyncDispose]());
  beforeEach(async () => {
    await clear(nats);
    stores = [];
    [one, heardOne] = await open();
    [two, heardTwo] = await open();
  });
  afterEach(() => Promise.all(stores.map((store) => store.close())));

  async function open(): Promise<[JetStreamTaskStore, Listener]> {
    const store = await openStore(nats);
    const listener = new Listener();
    store.listen(listener);
    stores.push(store);
    return [store, listener];
  }
  const close = async (store: JetStreamTaskStore) => {
    stores = stores.filter((other) => other !== store);
    await store.close();
  };
  const heldCount = async () => {
    const connection = await connect({ servers: nats.nodes.map(({ address }) => address) });
    const { state } = await (await jetstreamManager(connection)).streams.info('OFFHAND_HELD');
    await connection.close();
    return state.messages;
  };
  const arrival = async (listener: Listener, name: string) => {
    await waitFor(`${name} to arrive`, () => listener.arrivals.has(id(name)));
    return listener.arrivals.get(id(name));
  };

  test('what one takes on comes to the other that has room, and the first hears how it ended', async () => {
    two.want('', 1);
    await one.add([spec('a')], [FN]);
    const arrived = await arrival(heardTwo, 'a');
    expect(arrived).toMatchObject({ attempt: 1, losses: 0, fn: { id: FN.id } });
    expect(Buffer.from(arrived?.spec.args.data ?? []).toString()).toBe('arguments of a');
    expect((await one.find([id('a')]))[0]).toMatchObject({ state: 'running', attempt: 1 });
    expect(await two.settle([{ id: id('a'), attempt: 1, outcome: succeeded('yes'), at: 9 }])).toEqual([true]);
    await waitFor('the other to hear', () => heardOne.outcomes.get(id('a')) === 'succeeded');
    const [outcome] = await one.outcomes([id('a')]);
    expect(outcome).toMatchObject({ state: 'succeeded' });
  });

  test('each task comes to one of them, and no more than there is room for', async () => {
    const names = Array.from({ length: 100 }, (_, n) => `t${100 + n}`);
    one.want('', 10);
    two.want('', 10);
    await one.add(
      names.map((name) => spec(name)),
      [FN],
    );
    const settleAll = async (store: JetStreamTaskStore, heard: Listener, seen: Set<string>) => {
      for (const [taskId, { attempt }] of heard.arrivals) {
        if (seen.has(taskId)) continue;
        seen.add(taskId);
        expect(attempt).toBe(1);
        await store.settle([{ id: taskId, attempt, outcome: succeeded(), at: 9 }]);
      }
    };
    const [atOne, atTwo] = [new Set<string>(), new Set<string>()];
    await waitFor('all to be settled', async () => {
      expect(heardOne.arrivals.size - atOne.size).toBeLessThanOrEqual(10);
      await Promise.all([settleAll(one, heardOne, atOne), settleAll(two, heardTwo, atTwo)]);
      return atOne.size + atTwo.size === names.length;
    });
    expect([...atOne].filter((taskId) => atTwo.has(taskId))).toEqual([]);
  });

  test('the highest priority goes first, whoever submitted it', async () => {
    const tasks = [0, 3, -2, 100, 1].map((priority) => spec(`p${priority + 100}`, { priority }));
    await one.add(tasks, [FN]);
    await waitFor('the lanes to be known', () => heardTwo.needs.has(''));
    const order: string[] = [];
    for (let count = 1; count <= tasks.length; count++) {
      two.want('', 1);
      await waitFor('one to arrive', () => heardTwo.arrivals.size === count);
      const last = [...heardTwo.arrivals.values()].at(-1);
      order.push(last?.spec.name ?? '');
      two.want('', 0);
      await two.settle([{ id: id(last?.spec.name ?? ''), attempt: 1, outcome: succeeded(), at: count }]);
    }
    // The first may have been asked for before all lanes were heard of.
    expect(order.slice(1)).toEqual(
      ['p200', 'p103', 'p101', 'p100', 'p98'].filter((name) => name !== order[0]),
    );
  });

  test('what asks for something comes to whoever has it', async () => {
    one.want('', 5);
    await one.add([spec('plain'), spec('on-gpu', { requires: ['gpu'] })], [FN]);
    await arrival(heardOne, 'plain');
    await waitFor('the need to be known', () => heardTwo.needs.has('gpu'));
    two.want('gpu', 1);
    await arrival(heardTwo, 'on-gpu');
    expect(heardOne.arrivals.has(id('on-gpu'))).toBe(false);
  });

  test('a key is one task, wherever it is submitted, at the same time too', async () => {
    const key = 'nightly';
    const added = await Promise.all([
      one.add([spec('a', { key })], [FN]),
      two.add([spec('b', { key })], [FN]),
    ]);
    const [[first], [second]] = added;
    expect(first?.id).toBe(second?.id);
    expect((await one.add([spec('c', { key })], [FN]))[0]).toMatchObject({ id: first?.id, isNew: false });
  });

  test('one that waits is cancelled by either of them, and is not run; one that runs by asking who has it', async () => {
    await one.add([spec('waits'), spec('runs', { requires: ['x'] })], [FN]);
    two.want('x', 1);
    await arrival(heardTwo, 'runs');
    const outcome = { ...failed(), state: 'cancelled' as const, runMs: 0 };
    const cancelled = outcome.state === 'cancelled' && 'failure' in outcome ? outcome : failed();
    expect(await two.settle([{ id: id('waits'), attempt: 0, outcome: cancelled, at: 5 }])).toEqual([true]);
    expect(await one.cancelElsewhere([id('runs')])).toEqual([]);
    expect(heardTwo.toCancel).toEqual([id('runs')]);
    two.want('', 5);
    await two.add([spec('later')], []);
    await arrival(heardTwo, 'later');
    expect(heardTwo.arrivals.has(id('waits'))).toBe(false);
  });

  test('large arguments and results are there for both', async () => {
    const data = Buffer.alloc(3_000_000, 'x');
    await one.add([spec('large', { args: { encoding: 'V8', data } })], [FN]);
    two.want('', 1);
    expect((await arrival(heardTwo, 'large'))?.spec.args.data.length).toBe(data.length);
    await two.settle([{ id: id('large'), attempt: 1, outcome: succeeded('y'.repeat(2_000_000)), at: 9 }]);
    const [outcome] = await one.outcomes([id('large')]);
    expect(
      outcome && outcome !== 'dropped' && outcome.state === 'succeeded' && outcome.result.data.length,
    ).toBe(2_000_000);
    await one.drop([id('large')]);
    expect((await one.outcomes([id('large')]))[0]).toBe('dropped');
  });

  test('what one has held is taken over when it goes, by one of them', async () => {
    const [three, heardThree] = await open();
    await one.add(
      [spec('held', { notBefore: 1e15 }), spec('other', { group: { name: 'g', limit: 1 } })],
      [FN],
    );
    await close(one);
    await waitFor('somebody to take them over', () => heardTwo.home.length + heardThree.home.length === 2);
    expect([...heardTwo.home, ...heardThree.home].sort()).toEqual([id('held'), id('other')].sort());
    const [store, heard] = heardTwo.home.includes(id('other')) ? [two, heardTwo] : [three, heardThree];
    await store.offer([id('other')]);
    store.want('', 1);
    await arrival(heard, 'other');
    expect((await two.find([id('held')]))[0]?.state).toBe('pending');
  }, 30_000);

  test('whoever drops outcomes hears which of them others need', async () => {
    heardTwo.used.add(id('needed'));
    expect(await one.usedElsewhere([id('needed'), id('other')])).toEqual(new Set([id('needed')]));
    await close(two);
    expect(await one.usedElsewhere([id('needed')])).toEqual(new Set());
  });

  test('a coordinator that begins takes over all that one held which is gone, and nothing of it stays there', async () => {
    const names = Array.from({ length: 1_201 }, (_, n) => `h${1_000 + n}`);
    await one.add(
      names.map((name) => spec(name, { notBefore: 1e15 })),
      [FN],
    );
    await close(two);
    await close(one);
    const [three, heardThree] = await open();
    await waitFor('it to take them over', () => heardThree.home.length === names.length);
    expect(new Set(heardThree.home)).toEqual(new Set(names.map(id)));
    await waitFor('the others to be gone', async () => (await heldCount()) === names.length);
    await three.offer([id('h1000')]);
    three.want('', 1);
    await arrival(heardThree, 'h1000');
    expect(await heldCount()).toBe(names.length - 1);
  }, 30_000);

  test('what is given back comes to the other, as its next attempt, and counts as no loss', async () => {
    one.want('', 1);
    await one.add([spec('a')], [FN]);
    await arrival(heardOne, 'a');
    one.want('', 0);
    two.want('', 1);
    await one.release([{ id: id('a'), attempt: 1 }]);
    expect(await arrival(heardTwo, 'a')).toMatchObject({ attempt: 2, losses: 0 });
    expect(await one.settle([{ id: id('a'), attempt: 1, outcome: succeeded(), at: 1 }])).toEqual([false]);
    expect(await two.settle([{ id: id('a'), attempt: 2, outcome: succeeded(), at: 2 }])).toEqual([true]);
  });
});
