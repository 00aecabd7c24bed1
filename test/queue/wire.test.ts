import {
  type ClientDuplexStream,
  type sendUnaryData,
  type ServerDuplexStream,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect } from 'offhand';
import { idOf } from '../../src/wire/functions/function-id.js';
import { Caller, COORDINATOR, jsonPayload, type Service, SERVICES } from '../support/rpc.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';

const QUEUE = SERVICES.get('offhand.v1.Queue') as Service;
const DOUBLE = '(n) => n * 2';

type Stream = ClientDuplexStream<object, object>;

let sandbox: Sandbox;
let server: TestServer;
let queue: Caller;
beforeAll(async () => {
  sandbox = new Sandbox();
  server = await startServer(sandbox, ['2', '--no-profile']);
  queue = new Caller(server.address, QUEUE, { token: server.token });
});
afterAll(async () => {
  queue[Symbol.dispose]();
  await sandbox[Symbol.asyncDispose]();
});

let count = 0;
const newIds = (many: number) =>
  Array.from({ length: many }, () => `wire${String(++count).padStart(20, '0')}`);

/** As many tasks as there are ids, which double 0, 1, 2, …; some of it otherwise. */
function alike(taskIds: string[], other: object = {}): object {
  const args = taskIds.map((_, index) => Buffer.from(JSON.stringify([index])));
  return {
    common: { function_id: idOf(DOUBLE), name: 'double' },
    task_ids: taskIds,
    arguments: { encoding: 'JSON', data: Buffer.concat(args) },
    lengths: args.map(({ length }) => length),
    previews: taskIds.map((_, index) => `${index}`),
    ...other,
  };
}

const functions = [{ source: DOUBLE }];

function stream(name: string, caller = queue): Stream {
  const { path, requestSerialize, responseDeserialize } = QUEUE[name] as Service[string];
  return caller.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, caller.metadata);
}

/** Reads until `isEnough`, then hangs up. */
async function read<T>(from: Stream, isEnough: (messages: T[]) => boolean): Promise<T[]> {
  const messages: T[] = [];
  for await (const message of from) {
    messages.push(message as T);
    if (isEnough(messages)) break;
  }
  return messages;
}

async function resultOf(taskId: string): Promise<unknown> {
  const { result } = await queue.unary<{ result: { data: Buffer } }>('Result', { task_id: taskId });
  return JSON.parse(result.data.toString());
}

describe('tasks that have much in common', () => {
  test('are told together, beside others, and each is a task of its own', async () => {
    const ids = newIds(20);
    const [single] = newIds(1);
    const tasks = [{ task_id: single, function_id: idOf(DOUBLE), arguments: jsonPayload([21]) }];
    const answer = await queue.unary('Submit', { functions, tasks, alike: [alike(ids)] });
    expect(answer).toMatchObject({ tasks: [{ task_id: single, known: false }], alike: 20 });
    expect(await Promise.all(ids.map(resultOf))).toEqual(ids.map((_, index) => index * 2));
    const details = await queue.unary('Get', { task_ids: [ids[7]] });
    expect(details).toMatchObject({ tasks: [{ name: 'double', preview: '7', state: 'succeeded' }] });
    expect(await resultOf(single as string)).toBe(42);
  });

  test('that were sent before are there once', async () => {
    const ids = newIds(3);
    const request = { functions, alike: [alike(ids)] };
    await queue.unary('Submit', request);
    expect(await queue.unary('Submit', request)).toMatchObject({ alike: 3 });
    const { tasks } = await queue.unary<{ tasks: object[] }>('List', { name: 'double', limit: 3 });
    expect(tasks.map((task) => (task as { task_id: string }).task_id)).toEqual(ids.reverse());
  });

  test.each([
    ['no word of what they have in common', { common: undefined }, /alike\.common: expected what/],
    ['a key', { common: { function_id: idOf(DOUBLE), key: 'k' } }, /alike\.common\.key: it is of one task/],
    ['fewer lengths than tasks', { lengths: [3] }, /alike\.lengths: expected one for each of 2 tasks/],
    ['lengths of more than there is', { lengths: [3, 4] }, /6 bytes together/],
    ['no arguments', { arguments: undefined }, /alike\.arguments\.encoding: expected V8 or JSON/],
    ['an id that is none', { task_ids: ['x', 'y'] }, /alike\.task_ids: expected the id of a task/],
  ])('are refused with %s, all of a request', async (_, other, words) => {
    const [id] = newIds(1);
    const tasks = [{ task_id: id, function_id: idOf(DOUBLE), arguments: jsonPayload([1]) }];
    const request = { functions, tasks, alike: [alike(newIds(2), other)] };
    await expect(queue.unary('Submit', request)).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringMatching(words) as unknown,
    });
    await expect(queue.unary('Result', { task_id: id })).rejects.toMatchObject({ code: status.NOT_FOUND });
  });

  test('cannot come after one of themselves', async () => {
    const ids = newIds(2);
    const group = alike(ids, { common: { function_id: idOf(DOUBLE), after: [ids[1]] } });
    await expect(queue.unary('Submit', { functions, alike: [group] })).rejects.toMatchObject({
      details: `after: task ${ids[1]} cannot come after itself`,
    });
  });
});

test('requests of a stream are answered by their numbers; one that is refused is none of the others', async () => {
  const [first, third] = [newIds(2), newIds(1)];
  const requests = stream('SubmitMany');
  requests.write({ number: 1, functions, alike: [alike(first)] });
  requests.write({ number: 2, alike: [alike(newIds(1), { lengths: [] })] });
  requests.write({ number: 3, functions, alike: [alike(third)] });
  const answers = await read<{ number: number }>(requests, ({ length }) => length === 3);
  expect(answers.sort((a, b) => a.number - b.number)).toMatchObject([
    { number: 1, alike: 2, refused: null },
    { number: 2, alike: 0, refused: { code: 'invalid-argument' } },
    { number: 3, alike: 1, refused: null },
  ]);
  expect(await Promise.all([...first, ...third].map(resultOf))).toEqual([0, 2, 0]);
});

interface WatchMessage {
  tasks: { task_id: string; outcome: { result: { data: Buffer } } | null }[];
  succeeded: { task_ids: string[]; results: { data: Buffer }; lengths: number[]; run_ms: number[] }[];
}

describe('outcomes on a stream', () => {
  async function watch(packs: boolean): Promise<{ ids: string[]; messages: WatchMessage[] }> {
    const ids = newIds(30);
    await queue.unary('Submit', { functions, alike: [alike(ids)] });
    const watched = stream('Watch');
    watched.write({ follow: ids.map((id) => ({ task_id: id })), packs });
    const outcomes = (messages: WatchMessage[]) =>
      messages.flatMap(({ tasks, succeeded }) => [...tasks, ...succeeded.flatMap((group) => group.task_ids)]);
    const messages = await read<WatchMessage>(watched, (all) => outcomes(all).length === ids.length);
    return { ids, messages };
  }

  test('are each by itself for whoever does not say more', async () => {
    const { ids, messages } = await watch(false);
    const told = new Map(
      messages.flatMap(({ tasks }) => tasks.map(({ task_id, outcome }) => [task_id, outcome])),
    );
    expect(messages.flatMap(({ succeeded }) => succeeded)).toEqual([]);
    expect(ids.map((id) => String(told.get(id)?.result.data))).toEqual(ids.map((_, n) => `${n * 2}`));
  });

  test('share their encoding for whoever takes that', async () => {
    const { ids, messages } = await watch(true);
    expect(messages.flatMap(({ tasks }) => tasks)).toEqual([]);
    const told = new Map<string, string>();
    for (const { task_ids, results, lengths, run_ms } of messages.flatMap(({ succeeded }) => succeeded)) {
      expect(run_ms).toHaveLength(task_ids.length);
      let end = 0;
      task_ids.forEach((id, n) => {
        const start = end;
        end += lengths[n] ?? 0;
        told.set(id, results.data.subarray(start, end).toString());
      });
      expect(end).toBe(results.data.length);
    }
    expect(ids.map((id) => told.get(id))).toEqual(ids.map((_, n) => `${n * 2}`));
  });
});

/** Stands before the coordinator, and knows what one knew before there was any of this; the rest it does not read. */
async function olderCoordinator(): Promise<{ address: string; asked: string[]; close: () => void }> {
  const asked: string[] = [];
  const coordinator = new Caller(server.address, COORDINATOR, { token: server.token });
  const older = new Server();
  const pass =
    (caller: Caller, name: string, known: readonly string[]) =>
    ({ request }: ServerUnaryCall<object, object>, respond: sendUnaryData<object>) => {
      asked.push(name);
      const read = Object.fromEntries(Object.entries(request).filter(([field]) => known.includes(field)));
      caller.unary<Record<string, unknown>>(name, read).then(
        ({ alike: _, ...answer }) => respond(null, answer),
        (error: ServiceError) => respond(error),
      );
    };
  const { Handshake } = COORDINATOR;
  older.addService({ Handshake } as never, {
    Handshake: pass(coordinator, 'Handshake', ['version', 'protocol']),
  });
  const { Submit, Watch } = QUEUE;
  older.addService({ Submit, Watch } as never, {
    Submit: pass(queue, 'Submit', ['functions', 'tasks']),
    Watch: (from: ServerDuplexStream<object, object>) => {
      const to = stream('Watch');
      from.on('data', ({ follow, leave }: { follow: object[]; leave: string[] }) =>
        to.write({ follow, leave }),
      );
      from.on('end', () => to.end());
      to.on('data', ({ tasks }: WatchMessage) => from.write({ tasks }));
      to.on('end', () => from.end());
      to.on('error', () => from.end());
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    older.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const close = () => {
    older.forceShutdown();
    coordinator[Symbol.dispose]();
  };
  return { address: `127.0.0.1:${port}`, asked, close };
}

test('a coordinator from before all of this takes the same tasks, each once', async () => {
  const { address, asked, close } = await olderCoordinator();
  const pool = await connect(address, { token: server.token });
  try {
    const tasks = await pool.submitMany((n: number) => n + 1, [[1], [2], [3]], { name: 'for an older one' });
    expect(await Promise.all(tasks.map((task) => task.result()))).toEqual([2, 3, 4]);
    expect(await (await pool.submit((n: number) => n + 1, [4])).result()).toBe(5);
    // The first request was read in part, the second one was meant for it.
    expect(asked).toEqual(['Handshake', 'Submit', 'Submit', 'Submit']);
    const { tasks: kept } = await queue.unary<{ tasks: object[] }>('List', { name: 'for an older one' });
    expect(kept).toHaveLength(3);
  } finally {
    await pool.close();
    close();
  }
});
