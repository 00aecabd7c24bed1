import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { Caller, jsonPayload, WORKER } from '../support/rpc.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { oneTask, RawSession, RawSlot, type SlotLease, type TaskOutcomes } from '../support/streams.js';
import { waitFor, within } from '../support/wait.js';

// Slot.RunTasks as a client meets it that knows proto/ alone.

const sandbox = new Sandbox();
let server: TestServer;
let session: RawSession | undefined;
let slots: RawSlot[] = [];

beforeAll(async () => {
  server = await startServer(sandbox, ['1', '--slots', '2', '--no-profile']);
}, 40_000);
afterEach(async () => {
  for (const slot of slots) slot[Symbol.dispose]();
  session?.[Symbol.dispose]();
  slots = [];
  session = undefined;
  await waitFor('both slots to be free', async () => {
    const [worker] = (await server.status()).workers;
    return worker?.busy === false && worker.tasks.length === 0;
  });
});
afterAll(async () => {
  await server.stop();
  await sandbox[Symbol.asyncDispose]();
});

const completed = async () => (await server.status()).workers[0]?.completed;

/** Both leases of the pool, in a session of this test's own. */
async function takeBoth(): Promise<[SlotLease, SlotLease]> {
  session = new RawSession(server.address, server.token);
  const [first, second] = await session.take(2);
  if (!first || !second) throw new Error('expected two leases');
  return [first, second];
}

function slotOf(lease: SlotLease): RawSlot {
  const slot = new RawSlot(lease.slot_address, server.token);
  slots.push(slot);
  return slot;
}

/** Begins a task that runs for ever, and ends its lease under it. */
async function settleUnderTask(stop: object): Promise<unknown> {
  const [lease] = await takeBoth();
  slotOf(lease).send({
    lease_id: lease.lease_id,
    tasks: [oneTask(1, '() => new Promise(() => setInterval(() => {}, 60_000))')],
  });
  const running = await waitFor('the task to begin', async () => {
    const { workers } = await server.status();
    return workers.find(({ tasks }) => tasks.length > 0);
  });
  using worker = new Caller(`${running.host}:${running.port}`, WORKER, { token: server.token });
  return await worker.unary('SettleLease', { lease_id: lease.lease_id, ...stop });
}

const values = (outcomes: TaskOutcomes[]) =>
  outcomes.map(({ results }) => JSON.parse(String(results?.data)) as unknown);

test.each([
  ['that its caller stopped is cancelled', { stop_tasks: [1] }, 'cancelled'],
  ['whose stream broke has lost its lease, and may be tried again', { stop_any: true }, 'lease-lost'],
])('a task %s', async (_, stop, code) => {
  expect(await settleUnderTask(stop)).toMatchObject({ begun: 1, failure: { code, may_have_run: true } });
});

test('tasks run in their order, with JSON, one or several to a message', async () => {
  const [lease] = await takeBoth();
  const several = { number: 2, count: 2, is_list: true, arguments: jsonPayload([[2], [3]]) };
  const source = '(n) => [n, performance.now()]';
  const outcomes = await slotOf(lease).ask(
    { lease_id: lease.lease_id, tasks: [oneTask(1, source, [1]), { ...several, source }] },
    3,
  );
  expect(outcomes.map(({ number, count }) => [number, count])).toEqual([
    [1, 1],
    [2, 1],
    [3, 1],
  ]);
  const told = values(outcomes) as [number, number][];
  expect(told.map(([n]) => n)).toEqual([1, 2, 3]);
  expect(told.map(([, at]) => at)).toEqual(told.map(([, at]) => at).sort((a, b) => a - b));
});

describe('nothing runs', () => {
  const notBegun = (number: number) => [expect.objectContaining({ number, count: 1, not_begun: true })];

  test('on a stream without a lease', async () => {
    const [lease] = await takeBoth();
    const before = await completed();
    expect(await slotOf(lease).ask({ tasks: [oneTask(7, '() => 1')] })).toEqual(notBegun(7));
    expect(await completed()).toBe(before);
  });

  const forgeries: [string, (own: string, other: string) => string][] = [
    ['of another slot', (_, other) => other],
    ['that is no lease', () => 'nonsense'],
    ['whose signature is cut', (own) => own.slice(0, -2)],
    [
      'whose signature is another one’s',
      (own, other) => own.replace(/[^.]+$/, String(other.split('.').at(-1))),
    ],
    [
      'whose epoch was raised',
      (own) => own.replace(/^(\w+\.\d+)\.(\d+)/, (_, body, epoch) => `${body}.${Number(epoch) + 1}`),
    ],
    [
      'whose slot was changed',
      (own) => own.replace(/^(\w+)\.(\d+)/, (_, worker, slot) => `${worker}.${1 - Number(slot)}`),
    ],
  ];
  test.each(forgeries)('under a lease %s, and the true one still works', async (_, forge) => {
    const [own, other] = await takeBoth();
    const before = await completed();
    const forged = forge(own.lease_id, other.lease_id);
    expect(forged).not.toBe(own.lease_id);
    const message = { lease_id: forged, tasks: [oneTask(1, '() => 1')] };
    expect(await slotOf(own).ask(message)).toEqual(notBegun(1));
    expect(await completed()).toBe(before);
    const tasks = [oneTask(2, '() => 2')];
    expect(values(await slotOf(own).ask({ lease_id: own.lease_id, tasks }))).toEqual([2]);
  });

  test('under a lease whose session is over', async () => {
    const [lease] = await takeBoth();
    session?.[Symbol.dispose]();
    const next = new RawSession(server.address, server.token);
    session = next;
    await next.take(2); // Both slots are free again, so the old leases are over.
    const message = { lease_id: lease.lease_id, tasks: [oneTask(1, '() => 1')] };
    expect(await slotOf(lease).ask(message)).toEqual(notBegun(1));
  });
});

describe('a bad message', () => {
  const good = { number: 1, count: 1, source: '() => 1', arguments: jsonPayload([]) };
  const several = { ...good, count: 2, is_list: true };

  const refusals: [string, object, RegExp][] = [
    ['no function', { ...good, source: undefined }, /^function: expected source or function_id/],
    ['a count of 0', { ...good, count: 0 }, /^tasks: .*count of at least 1/],
    ['no number', { ...good, number: 0 }, /^tasks: .*number.*at least 1/],
    ['a number that is none', { ...good, number: NaN }, /^tasks: .*number.*at least 1/],
    ['several that are no list', { ...several, is_list: false }, /^tasks: .*several only as a list/],
    ['no arguments', { ...good, arguments: undefined }, /^arguments\.encoding: expected V8 or JSON/],
    ['no encoding', { ...good, arguments: { data: Buffer.from('[]') } }, /^arguments\.encoding: /],
    ['a bad limit', { ...good, limits: { timeout_ms: -1 } }, /^limits\.timeout_ms: /],
  ];
  test.each(refusals)('with %s gets INVALID_ARGUMENT naming the field', async (_, tasks, words) => {
    const [lease] = await takeBoth();
    const before = await completed();
    const slot = slotOf(lease);
    slot.send({ lease_id: lease.lease_id, tasks: [tasks] });
    expect(await within(3_000, 'the refusal', slot.ended)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringMatching(words),
    });
    expect(await completed()).toBe(before);
    // The lease is none the worse for it.
    const next = { lease_id: lease.lease_id, tasks: [oneTask(2, '() => 2')] };
    expect(values(await slotOf(lease).ask(next))).toEqual([2]);
  });

  const failures: [string, object, RegExp][] = [
    ['arguments that are no array', { ...good, arguments: jsonPayload({}) }, /^arguments: expected an array/],
    [
      'fewer arguments than tasks',
      { ...several, arguments: jsonPayload([[]]) },
      /^arguments: expected 2 arrays/,
    ],
    [
      'arguments that are no JSON',
      { ...good, arguments: { encoding: 'JSON', data: Buffer.from('[') } },
      /JSON/,
    ],
  ];
  test.each(failures)('with %s fails its tasks alone', async (_, tasks, words) => {
    const [lease] = await takeBoth();
    const slot = slotOf(lease);
    const failed = { code: 'invalid-argument', message: expect.stringMatching(words), may_have_run: false };
    const next = [tasks, oneTask(9, '() => 9')];
    const count = (tasks as { count: number }).count + 1;
    const [first, second] = await slot.ask({ lease_id: lease.lease_id, tasks: next }, count);
    expect(first).toMatchObject({ number: 1, failure: failed });
    expect(second && values([second])).toEqual([9]);
  });
});
