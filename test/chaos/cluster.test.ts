import { expect } from '@jest/globals';
import { ROOT, run } from '../support/cli.js';
import { NATS_SERVER } from '../support/nats.js';
import { testWith } from '../support/programs.js';
import { Sandbox } from '../support/sandbox.js';

testWith(NATS_SERVER)(
  'a cluster of which nodes and coordinators are killed loses nothing that it has acknowledged',
  async () => {
    await using sandbox = new Sandbox();
    const command = `cd ${ROOT} && exec node scripts/run-ts.mjs chaos/cluster.ts --faults 2 --seed 2`;
    const { code, stdout, stderr } = await run(sandbox, 'sh', ['-c', command]);
    expect(`${stdout}${stderr}`).toMatch(
      /chaos:cluster: passed, seed 2: 2 faults .*, \d+ tasks acknowledged, .* 0 violations\n$/,
    );
    expect(code).toBe(0);
  },
  240_000,
);
