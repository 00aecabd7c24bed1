import { afterAll, beforeAll, describe, test } from '@jest/globals';
import { claimable } from '../queue/claimable.js';
import { testTaskStore } from '../queue/store-contract.js';
import { clear, openStore } from '../support/jetstream.js';
import { NATS_SERVER, type NatsCluster, startNats } from '../support/nats.js';
import { testWith } from '../support/programs.js';
import { Sandbox } from '../support/sandbox.js';

const isThere = testWith(NATS_SERVER) === test;

// The rules of all stores, with a real server.
(isThere ? describe : describe.skip)('a NATS cluster', () => {
  let sandbox: Sandbox;
  let nats: NatsCluster;
  beforeAll(async () => {
    sandbox = new Sandbox();
    nats = await startNats(sandbox);
  });
  afterAll(() => sandbox[Symbol.asyncDispose]());

  testTaskStore('jetstream', async () => {
    await clear(nats);
    return claimable(await openStore(nats));
  });
});
