import { expect } from '@jest/globals';
import { parseClusterAddress } from '../../src/cluster/address.js';
import { ClusterConnection } from '../../src/cluster/connection.js';
import { LaneBook } from '../../src/queue/stores/jetstream/lane-book.js';
import { SEATS } from '../../src/queue/stores/jetstream/names.js';
import { Seats } from '../../src/queue/stores/jetstream/seats.js';
import { TestLog } from '../support/jetstream.js';
import { NATS_SERVER, startNats } from '../support/nats.js';
import { testWith } from '../support/programs.js';
import { Sandbox } from '../support/sandbox.js';
import { waitFor } from '../support/wait.js';

testWith(NATS_SERVER)(
  'a coordinator that starts before a leader keeps its first words says them again',
  async () => {
    await using sandbox = new Sandbox();
    const nats = await startNats(sandbox);
    const log = new TestLog();
    const address = parseClusterAddress(nats.url(), 'the test');
    const connection = await ClusterConnection.open(address, 'the test', log);
    try {
      const kvm = new connection.libraries.kv.Kvm(connection.jetstream);
      const bucket = await kvm.create(SEATS, { history: 1 });
      // As it is with a stream that has no leader: nobody hears its subjects.
      await connection.manager.streams.delete(`KV_${SEATS}`);
      const refused = bucket.put('here', '').catch((error: unknown) => error);
      expect(await refused).toMatchObject({ name: 'JetStreamNotEnabled' });

      const before = connection.nats.stats().outMsgs;
      const book = new LaneBook(bucket);
      const first = Promise.all([
        Seats.take(bucket, 'a', (error) => log.error({ err: error }, 'not said')),
        book.open({ level: 0, needs: '' }),
      ]);
      await waitFor('both to have been said in vain', () => connection.nats.stats().outMsgs >= before + 4);
      await kvm.create(SEATS, { history: 1 });

      const [seats] = await first;
      expect(await seats.present()).toEqual(new Set(['a']));
      expect(seats.hasRetention).toBe(true);
      await seats.leave();
      expect(log.lines).toEqual([]);
    } finally {
      await connection.close();
    }
  },
);
