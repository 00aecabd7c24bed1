import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { SlotLink, type SlotUser } from '../../src/client/direct/slot-link.js';
import type { PoolError } from '../../src/core/errors.js';
import { withResolvers } from '../../src/core/with-resolvers.js';
import type { SlotHandlers } from '../../src/wire/generated/offhand/v1/Slot.js';
import { bindAddress, createGrpcServer, silenceGrpc } from '../../src/wire/grpc-server.js';
import { slotService } from '../../src/wire/slot-proto.js';
import { pem } from '../support/tls.js';
import { within } from '../support/wait.js';

silenceGrpc();

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A port that takes connections and says nothing, until the test is over; closed at once on demand. */
async function deafPort({ isClosed }: { isClosed: boolean }): Promise<number> {
  const server = createServer((socket) => void closing.push(() => socket.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  if (isClosed) await new Promise((resolve) => server.close(resolve));
  else closing.push(() => server.close());
  return port;
}

/** A link to the slot at an address, with one user, for whom everything is unexpected but what is given. */
function linkTo(address: string, user: Partial<SlotUser>): { link: SlotLink; user: SlotUser } {
  const link = new SlotLink(address, 'worker-2', { token: 'secret', tls: { ca: pem('ca') } });
  closing.push(() => link.close());
  const never = (what: string) => () => {
    throw new Error(`${what}: not expected`);
  };
  const whole: SlotUser = {
    onWritten: () => undefined,
    onOutcomes: never('outcomes'),
    onClosing: never('closing'),
    onGone: never('gone'),
    onBroken: never('broken'),
    onUnreached: never('unreached'),
    ...user,
  };
  link.join(whole);
  return { link, user: whole };
}

/** Why a task never got to the slot at an address. */
function unreached(address: string): Promise<PoolError> {
  return new Promise((resolve) => {
    const { link } = linkTo(address, {
      onUnreached(reason) {
        expect(link.isReached).toBe(false);
        expect(link.isReady).toBe(true);
        resolve(reason);
      },
    });
    link.send({ leaseId: 'lease', tasks: [] });
  });
}

/** A slot on a socket in a folder of its own, which wants to be hung up on at once; and when that has happened. */
async function closingSlot(): Promise<{ address: string; parted: Promise<void>; stop: () => void }> {
  const dir = mkdtempSync(join(tmpdir(), 'offhand-slot-'));
  const server = createGrpcServer({ token: 'secret' });
  const { promise: parted, resolve } = withResolvers<void>();
  const handlers: SlotHandlers = {
    RunTasks(stream) {
      stream.on('data', () => stream.write({ closing: true }));
      stream.on('end', () => {
        stream.end();
        resolve();
      });
    },
  };
  server.addService(slotService, handlers);
  const address = `unix:${join(dir, 'slot')}`;
  await bindAddress(server, address, { token: 'secret' });
  const stop = () => {
    // The second alone ends only connections that channelz counts, and channelz is off.
    server.drain(address, 0);
    server.forceShutdown();
    rmSync(dir, { recursive: true, force: true });
  };
  closing.push(stop);
  return { address, parted, stop };
}

test('a slot whose port is closed is told at once, with its worker and its address', async () => {
  const port = await deafPort({ isClosed: true });
  const reason = await within(2_000, 'the reason', unreached(`127.0.0.1:${port}`));
  expect(reason).toMatchObject({ code: 'unavailable', mayHaveRun: false });
  expect(reason.message).toMatch(
    new RegExp(
      `^worker-2 cannot be reached at 127\\.0\\.0\\.1:${port} \\(connect ECONNREFUSED 127\\S+\\); .*--adv`,
    ),
  );
});

test('a slot that never answers is given up', async () => {
  const port = await deafPort({ isClosed: false });
  const reason = await within(8_000, 'the reason', unreached(`127.0.0.1:${port}`));
  expect(reason).toMatchObject({ code: 'unavailable', mayHaveRun: false });
  expect(reason.message).toContain('(no answer within 5 s)');
});

test('a slot that is about to go is hung up on when nobody uses it any more', async () => {
  const { address, parted } = await closingSlot();
  let isParted = false;
  void parted.then(() => (isParted = true));
  const told = withResolvers<void>();
  const { link, user } = linkTo(address, { onClosing: told.resolve });
  link.send({ leaseId: 'lease', tasks: [] });
  await within(5_000, 'the slot to say so', told.promise);
  expect(isParted).toBe(false);
  link.part(user);
  await within(5_000, 'its stream to end', parted);
});

test('a slot on this machine that has gone is known to have got nothing', async () => {
  const { address, stop } = await closingSlot();
  stop();
  const gone = withResolvers<void>();
  const { link } = linkTo(address, { onGone: gone.resolve });
  link.send({ leaseId: 'lease', tasks: [] });
  await within(5_000, 'the link to tell', gone.promise);
  expect(link.isReady).toBe(true);
});
