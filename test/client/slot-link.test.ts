import { createServer } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { SlotLink } from '../../src/client/slot-link.js';
import type { PoolError } from '../../src/core/errors.js';
import { silenceGrpc } from '../../src/wire/grpc-server.js';
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

/** Why a task never got to the slot at an address. */
function unreached(address: string): Promise<PoolError> {
  const link = new SlotLink(address, 'worker-2', { token: 'secret', tls: { ca: pem('ca') } });
  closing.push(() => link.close());
  return new Promise((resolve, reject) => {
    link.join({
      onWritten: () => undefined,
      onOutcomes: () => reject(new Error('nobody is there to answer')),
      onBroken: () => reject(new Error('it was never whole')),
      onUnreached: (reason) => {
        expect(link.isReached).toBe(false);
        expect(link.isReady).toBe(true);
        resolve(reason);
      },
    });
    link.send({ leaseId: 'lease', tasks: [] });
  });
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
