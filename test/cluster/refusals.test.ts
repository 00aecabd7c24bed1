import { expect } from '@jest/globals';
import { connect } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { parseClusterAddress } from '../../src/cluster/address.js';
import { PoolError } from '../../src/core/errors.js';
import { openStore } from '../support/jetstream.js';
import { NATS_SERVER, type NatsOptions, startNats } from '../support/nats.js';
import { testWith } from '../support/programs.js';
import { Sandbox } from '../support/sandbox.js';

const natsTest = testWith(NATS_SERVER);

async function refused(promise: Promise<unknown>): Promise<PoolError> {
  const reason: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (reason instanceof PoolError) return reason;
  throw new Error('expected a refusal', { cause: reason });
}

async function refusalOf(options: NatsOptions, replicas = 1): Promise<{ code: string; message: string }> {
  await using sandbox = new Sandbox();
  const nats = await startNats(sandbox, options);
  return await refused(openStore(nats, replicas));
}

natsTest('servers without JetStream are refused in a sentence', async () => {
  const { code, message } = await refusalOf({ jetStream: false });
  expect(code).toBe('unavailable');
  expect(message).toMatch(/^NATS at nats:\/\/127.0.0.1:\d+ has no JetStream/);
});

natsTest('a wrong password is, and is not repeated', async () => {
  const config = 'authorization { user: u, password: right }';
  const { code, message } = await refusalOf({ config, login: 'u:wrong' });
  expect(code).toBe('unauthenticated');
  expect(message).not.toContain('wrong');
});

natsTest('more replicas than there are servers are', async () => {
  const { code, message } = await refusalOf({}, 3);
  expect(code).toBe('invalid-argument');
  expect(message).toMatch(/^--store-replicas 3: NATS has not that many servers/);
});

natsTest('streams of another program, or of a newer offhand, are', async () => {
  await using sandbox = new Sandbox();
  const nats = await startNats(sandbox);
  const connection = await connect({ servers: nats.node(0).address });
  const { streams } = await jetstreamManager(connection);
  await streams.add({ name: 'OFFHAND_WORK', subjects: ['offhand.work.*.*.*'], description: 'offhand 99' });
  expect(await refused(openStore(nats))).toMatchObject({
    code: 'version-mismatch',
    message: expect.stringMatching(/has version 99 and this offhand knows up to 1: .* newer offhand/),
  });
  await connection.close();
});

natsTest('an address that is none is, without what is secret in it', () => {
  expect(() => parseClusterAddress('nats://u:secret@a b', '--store')).toThrow(
    /^--store: expected nats:.*got nats:\/\/…@a b$/,
  );
});
