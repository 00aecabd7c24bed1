import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { callMetadata, dial } from '../../src/wire/credentials.js';
import type { SlotHandlers } from '../../src/wire/generated/offhand/v1/Slot.js';
import { createGrpcServer, silenceGrpc } from '../../src/wire/grpc-server.js';
import { SlotClient, slotService } from '../../src/wire/slot-proto.js';
import { listenUnheld } from '../../src/worker/thread/unheld-listener.js';
import { within } from '../support/wait.js';

silenceGrpc();

test('a slot that is half hung up on hangs up as well, so that nobody sends to it for ever', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'offhand-slot-'));
  const credentials = { token: 'secret' };
  const server = createGrpcServer(credentials);
  const handlers: SlotHandlers = {
    RunTasks: (stream) =>
      void stream.on('data', () => stream.write({ outcomes: [] })).on('error', () => undefined),
  };
  server.addService(slotService, handlers);
  const listener = await listenUnheld(
    server,
    { kind: 'socket', address: `unix:${join(dir, 'slot')}` },
    credentials,
  );
  // Between the two: passes everything on until it tells the slot, and only the slot, that there is no more.
  let far: Socket | undefined;
  const between = createServer({ allowHalfOpen: true }, (near) => {
    far = connect({ path: join(dir, 'slot'), allowHalfOpen: true });
    const to = far;
    near.on('data', (chunk) => to.writableEnded || to.write(chunk)).on('error', () => undefined);
    far.on('data', (chunk) => near.write(chunk)).on('close', () => near.destroy());
  });
  await new Promise<void>((resolve) => between.listen(join(dir, 'between'), resolve));
  const client = dial(SlotClient, `unix:${join(dir, 'between')}`, credentials);
  const stream = client.runTasks(callMetadata(credentials));
  const broken = new Promise<string>((resolve) => stream.on('error', (error) => resolve(error.message)));
  const answered = new Promise((resolve) => stream.once('data', resolve));
  stream.write({ leaseId: 'lease', tasks: [] });
  await within(5_000, 'an answer', answered);
  far?.end();
  expect(await within(5_000, 'the client to notice', broken)).toMatch(/^14 UNAVAILABLE/);
  client.close();
  between.close();
  await listener.close();
  rmSync(dir, { recursive: true, force: true });
});
