import { EventEmitter } from 'node:events';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { Session, type SessionEvents, type SessionStream } from '../../src/client/direct/session.js';
import { PoolError } from '../../src/core/errors.js';
import { toStatus } from '../../src/wire/errors.js';
import type { ClaimedLease } from '../../src/wire/generated/offhand/v1/ClaimedLease.js';
import type { SessionRequest } from '../../src/wire/generated/offhand/v1/SessionRequest.js';
import type { SessionResponse__Output } from '../../src/wire/generated/offhand/v1/SessionResponse.js';
import { waitFor } from '../support/wait.js';

/** A stream to a coordinator, with the test at its other end. */
class FakeStream extends EventEmitter {
  readonly written: SessionRequest[] = [];
  isEnded = false;
  isCancelled = false;

  write(request: SessionRequest): boolean {
    this.written.push(request);
    return true;
  }

  end(): void {
    this.isEnded = true;
  }

  cancel(): void {
    this.isCancelled = true;
  }

  says(response: Partial<SessionResponse__Output>): void {
    this.emit('data', { granted: [], ended: [], lost: [], othersWaitMs: 0, ...response });
  }

  /** The way to the coordinator is gone; `end` comes too, as from grpc-js. */
  breaks(): void {
    this.emit('error', serviceError({ code: status.UNAVAILABLE, details: 'gone', metadata: new Metadata() }));
    this.emit('end');
  }

  refuses(error: PoolError): void {
    this.emit('error', serviceError(toStatus(error)));
  }
}

function serviceError(about: { code: status; details: string; metadata: Metadata }): ServiceError {
  return Object.assign(new Error(about.details), about);
}

/** A client's side of a session, and all that it hears. */
class Client implements SessionEvents {
  readonly streams: FakeStream[] = [];
  readonly heard: unknown[] = [];
  claims: ClaimedLease[] = [];
  alone = 0;
  readonly session: Session;

  constructor(reconnectMs: number) {
    const open = () => {
      this.streams.push(new FakeStream());
      return this.stream as unknown as SessionStream;
    };
    this.session = new Session(open, this, reconnectMs);
  }

  /** The newest. */
  get stream(): FakeStream {
    const stream = this.streams.at(-1);
    if (!stream) throw new Error('nothing was dialled');
    return stream;
  }

  async dials(count: number): Promise<FakeStream> {
    await waitFor(
      `the coordinator to be dialled for time ${count}`,
      () => this.streams.length >= count,
      2_000,
    );
    return this.stream;
  }

  granted(lease: { epoch: number }): void {
    this.heard.push(['granted', lease.epoch]);
  }

  ended(epoch: number): void {
    this.heard.push(['ended', epoch]);
  }

  othersWait(durationMs: number): void {
    this.heard.push(['others wait', durationMs]);
  }

  lost(epochs: readonly number[]): void {
    this.heard.push(['lost', ...epochs]);
  }

  noneFits(): void {}

  capacity(slots: number): void {
    this.heard.push(['capacity', slots]);
  }

  broken(error: ServiceError | undefined): void {
    this.heard.push(['broken', error?.message]);
  }
}

const clients: Client[] = [];
afterEach(() => {
  for (const { session, streams } of clients.splice(0)) {
    void session.end();
    for (const stream of streams) stream.emit('status');
  }
});

/** A client that has asked for so many leases. */
async function clientWith(demand: number, reconnectMs = 10_000): Promise<Client> {
  const client = new Client(reconnectMs);
  clients.push(client);
  client.session.demand = demand;
  await turn();
  return client;
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a session', () => {
  test('is opened by the first wish, and tells what one turn led to in one message', async () => {
    const client = await clientWith(3);
    client.session.giveBack(7);
    client.session.abandon(8);
    client.session.giveBack(9);
    await turn();
    expect(client.streams).toHaveLength(1);
    expect(client.stream.written).toEqual([{ demand: 3 }, { returned: [7, 9], abandoned: [8] }]);
  });

  test('tells at which priorities leases are wanted whenever that changes, and with every demand', async () => {
    const client = await clientWith(3);
    const told = async (change: () => void) => {
      const before = client.stream.written.length;
      change();
      await turn();
      return client.stream.written.slice(before);
    };
    const urgent = [{ priority: 5, count: 2 }];
    expect(await told(() => (client.session.wanted = []))).toEqual([]);
    expect(await told(() => (client.session.wanted = urgent))).toEqual([{ demand: 3, wanted: urgent }]);
    expect(await told(() => (client.session.wanted = structuredClone(urgent)))).toEqual([]);
    expect(await told(() => (client.session.demand = 4))).toEqual([{ demand: 4, wanted: urgent }]);
    expect(await told(() => client.session.regrade(7, { priority: 5, expectedMs: undefined }))).toEqual([
      { graded: [{ epoch: 7, priority: 5 }] },
    ]);
    client.stream.breaks();
    expect((await client.dials(2)).written).toEqual([{ demand: 4, wanted: urgent, claimed: [] }]);
    expect(await told(() => (client.session.wanted = []))).toEqual([{ demand: 4 }]);
  });

  test('tells how many leases on workers of their own it wants more, or less', async () => {
    const client = await clientWith(1);
    const told = async (change: () => void) => {
      const before = client.stream.written.length;
      change();
      await turn();
      return client.stream.written.slice(before);
    };
    expect(await told(() => (client.session.alone = 3))).toEqual([{ alone: 3 }]);
    client.stream.says({ granted: [{ epoch: 4, alone: true }] as SessionResponse__Output['granted'] });
    expect(await told(() => (client.session.alone = 2))).toEqual([]);
    expect(await told(() => (client.session.alone = 0))).toEqual([{ noLongerAlone: 2 }]);
    // One that was on its way when it was told of that.
    client.stream.says({ granted: [{ epoch: 5, alone: true }] as SessionResponse__Output['granted'] });
    expect(await told(() => (client.session.alone = 1))).toEqual([{ alone: 1 }]);
    client.stream.breaks();
    client.alone = 2;
    expect((await client.dials(2)).written).toEqual([{ demand: 1, claimed: [], alone: 2 }]);
    expect(await told(() => (client.session.alone = 2))).toEqual([]);
  });

  test('tells what the coordinator says: grants before ends, and losses', async () => {
    const client = await clientWith(1);
    const granted = [{ epoch: 4 }, { epoch: 5 }] as SessionResponse__Output['granted'];
    client.stream.says({ granted, ended: [4], lost: [5, 6], othersWaitMs: 500, slots: 2 });
    expect(client.heard).toEqual([
      ['capacity', 2],
      ['others wait', 500],
      ['granted', 4],
      ['granted', 5],
      ['ended', 4],
      ['lost', 5, 6],
    ]);
  });

  test('that has ended waits until the coordinator has heard, and begins anew with the next wish', async () => {
    const client = await clientWith(2);
    const ended = client.session.end();
    const { stream } = client;
    expect(stream.isEnded).toBe(true);
    stream.emit('status');
    await ended;
    expect(client.session.demand).toBe(0);
    client.session.demand = 1;
    await turn();
    expect(client.streams).toHaveLength(2);
    expect(client.stream.written).toEqual([{ demand: 1 }]);
  });
});

describe('a session whose coordinator is gone', () => {
  test('is dialled again, with what is wanted by then and a claim on every lease that is held', async () => {
    const client = await clientWith(2);
    client.claims = [{ leaseId: 'old', epoch: 1 }];
    client.stream.breaks();
    client.session.demand = 5;
    client.claims = [{ leaseId: 'a', epoch: 7, returned: false }];
    const again = await client.dials(2);
    expect(again.written).toEqual([{ demand: 5, claimed: client.claims }]);
    expect(client.heard).toEqual([]);
  });

  test('asks for nothing of its own while it waits, and says it once it is back', async () => {
    const client = await clientWith(1);
    client.stream.breaks();
    client.session.giveBack(7); // No longer among the claims.
    client.session.demand = 4;
    await turn();
    expect(client.streams).toHaveLength(1);
    expect((await client.dials(2)).written).toEqual([{ demand: 4, claimed: [] }]);
    client.session.giveBack(8);
    await turn();
    expect(client.stream.written.slice(1)).toEqual([{ returned: [8] }]);
  });

  test('drops what was about to be said: that stream hears no more', async () => {
    const client = await clientWith(1);
    client.session.demand = 3;
    client.stream.breaks();
    await turn();
    expect(client.stream.written).toEqual([{ demand: 1 }]);
    expect((await client.dials(2)).written).toEqual([{ demand: 3, claimed: [] }]);
  });

  test('hears nothing from the stream that broke', async () => {
    const client = await clientWith(1);
    const [old] = client.streams;
    old?.breaks();
    await client.dials(2);
    old?.says({ ended: [1] });
    old?.breaks();
    await turn();
    expect(client.heard).toEqual([]);
    expect(client.streams).toHaveLength(2);
  });

  test('is dialled until it answers, and the time that it may be gone then begins anew', async () => {
    const client = await clientWith(1, 700);
    const firstGone = performance.now();
    client.stream.breaks();
    (await client.dials(2)).breaks();
    (await client.dials(3)).says({ slots: 1 });
    await waitFor('the first absence to be long past', () => performance.now() - firstGone > 700, 2_000);
    client.stream.breaks();
    await client.dials(4);
    expect(client.heard).toEqual([['capacity', 1]]);
  });

  test('is given up when it has been gone for too long, with the reason it broke with last', async () => {
    const client = await clientWith(1, 300);
    const at = performance.now();
    client.stream.breaks();
    while (client.heard.length === 0) {
      (await client.dials(client.streams.length)).breaks();
      const { length } = client.streams;
      await waitFor('more', () => client.heard.length > 0 || client.streams.length > length, 2_000);
    }
    expect(performance.now() - at).toBeGreaterThanOrEqual(299);
    expect(client.heard).toEqual([['broken', 'gone']]);
    expect(client.session.demand).toBe(0);
    const { length } = client.streams;
    client.session.demand = 1;
    await turn();
    expect(client.streams).toHaveLength(length + 1);
    expect(client.stream.written).toEqual([{ demand: 1 }]);
  });

  test('is given up at once where it is not to be waited for', async () => {
    const client = await clientWith(1, 0);
    client.stream.breaks();
    expect(client.heard).toEqual([['broken', 'gone']]);
    expect(client.streams).toHaveLength(1);
  });

  test('is dialled no more when the session has ended meanwhile', async () => {
    const client = await clientWith(1);
    client.stream.breaks();
    await client.session.end();
    const other = await clientWith(1);
    other.stream.breaks(); // Its turn comes later than that of the first would have.
    await other.dials(2);
    expect(client.streams).toHaveLength(1);
  });
});

test('a coordinator that says no is not asked again', async () => {
  const client = await clientWith(1);
  client.stream.refuses(new PoolError('unavailable', 'the pool is stopping'));
  expect(client.heard).toEqual([['broken', 'the pool is stopping']]);
  await turn();
  expect(client.streams).toHaveLength(1);
});
