// npm run chaos:cluster: three nats-servers, three coordinators, and tasks submitted to all of them, while nodes and coordinators
// are killed, frozen, cut off and started again. Afterwards every task that was acknowledged has to have the outcome that it
// should have, the same wherever it is asked for. Ends with one line, and exit code 1 when something was lost.
import { parseArgs } from 'node:util';
import { startNats } from '../test/support/nats.js';
import { Sandbox } from '../test/support/sandbox.js';
import { ClusterLoad } from './cluster-load.js';
import { CLUSTER_FAULTS, ClusterUnderTest } from './cluster-under-test.js';
import { Random } from './random.js';

const { values } = parseArgs({
  options: { faults: { type: 'string', default: '30' }, seed: { type: 'string', default: '1' } },
});
const [faults, seed] = [Number(values.faults), Number(values.seed)];
const random = new Random(seed);

await using sandbox = new Sandbox();
const nats = await startNats(sandbox, { nodes: 3 });
await using cluster = await ClusterUnderTest.start(nats);
const load = await ClusterLoad.start(cluster.addresses, sandbox);
const plan: string[] = [];
for (let round = 0; plan.length < faults; round++)
  for (const kind of random.shuffled(CLUSTER_FAULTS).slice(0, faults - plan.length)) {
    await load.moreAcknowledged();
    plan.push(await cluster.harm(kind, random));
    if (faults > 10) console.log(`${plan.length} faults, ${load.acknowledged} tasks acknowledged`);
  }
const { violations, figures } = await load.finish();
for (const violation of violations) console.log(violation);
const isPassed = violations.length === 0 && load.acknowledged > 0;
console.log(
  `chaos:cluster: ${isPassed ? 'passed' : 'FAILED'}, seed ${seed}: ${plan.length} faults (${plan.join(', ')}), ${figures}`,
);
process.exitCode = isPassed ? 0 : 1;
