import { randomInt } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect } from '@jest/globals';
import { Command, type Finished, MAIN, ROOT, run } from '../support/cli.js';
import { NATS_SERVER } from '../support/nats.js';
import { testWith } from '../support/programs.js';
import { Sandbox } from '../support/sandbox.js';
import { waitFor } from '../support/wait.js';

// The commands of docs/cluster.md as they stand there. Its three machines are three addresses of this one, with a home of their
// own each: a.lan is 127.44.7.1. Only what needs the network (apt-get, npm install, scp) is not run.

const TEXT = readFileSync(join(ROOT, 'docs/cluster.md'), 'utf8');
const NET = `127.${randomInt(16, 250)}.${randomInt(1, 250)}`;
const ADDRESS: Record<string, string> = { a: `${NET}.1`, b: `${NET}.2`, c: `${NET}.3` };

const blocks = [...TEXT.matchAll(/^```sh\n(.+?)^```/gms)].map(([, block = '']) =>
  block.replaceAll(/\b([abc])\.lan\b/g, (_, name: string) => ADDRESS[name] ?? name),
);
const [secrets = '', install = '', here = '', nats = '', server = '', look = '', work = '', after = ''] =
  blocks;

/** One of the three machines. */
class Machine extends Sandbox {
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
    mkdirSync(join(this.dir, 'bin'));
    const npx = join(this.dir, 'bin', 'npx');
    writeFileSync(npx, `#!/bin/sh\nshift\nexec ${process.execPath} ${MAIN} "$@"\n`);
    chmodSync(npx, 0o755);
  }

  override get env(): NodeJS.ProcessEnv {
    const env = super.env;
    return { ...env, PATH: `${join(this.dir, 'bin')}:${env['PATH']}` };
  }

  get variables(): string {
    return here.replace(/HERE=\S+/, `HERE=${ADDRESS[this.name]}`);
  }

  /** Its last command takes the place of the shell, so that it can be ended. */
  start(block: string): Command {
    const script = block.replace(/^(nats-server|npx offhand server)/m, 'exec $1');
    return new Command('sh', ['-euc', `${this.variables}\n${script}`], this);
  }

  run(block: string): Promise<Finished> {
    return run(this, 'sh', ['-euc', block]);
  }
}

const machines = ['a', 'b', 'c'].map((name) => new Machine(name));
const [a, b] = machines as [Machine, Machine, Machine];

afterAll(() => Promise.all(machines.map((machine) => machine[Symbol.asyncDispose]())));

testWith(NATS_SERVER)(
  'docs/cluster.md takes somebody from one machine to three, and through the loss of one',
  async () => {
    expect(blocks).toHaveLength(8);
    expect(install).toContain(`npm install offhand ${packagesOfNats().join(' ')}\n`);

    expect(await a.run(secrets)).toMatchObject({ code: 0, stderr: '' });
    for (const machine of machines)
      cpSync(join(a.cwd, 'certificates', `server-${ADDRESS[machine.name]}`), machine.cwd, {
        recursive: true,
      });

    const servers = machines.map((machine) => machine.start(nats));
    const said = () => servers.map(({ output }) => output).join('\n');
    await waitFor('NATS to have a leader', () =>
      said().includes('JetStream cluster new metadata leader'),
    ).catch((error: unknown) => {
      throw new Error(said(), { cause: error });
    });
    const pools = machines.map((machine) => machine.start(server.replace(' server 4', ' server 1')));
    let ended = 0;
    for (const pool of pools) void pool.ended.then(() => (ended += 1));
    await waitFor(
      'the three pools',
      () => ended > 0 || pools.every(({ stdout }) => / {2}to stop/.test(stdout)),
    );
    // Each of them logs to its own terminal what NATS could lose.
    expect(ended === 0 ? '' : pools.map(({ output }) => output).join('\n')).toBe('');

    const shown = await b.run(`${b.variables}\n${look}`);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    for (const address of Object.values(ADDRESS)) expect(shown.stdout).toContain(`${address}:4999`);
    expect(shown.stdout).toContain('3 coordinators, 3 workers');
    const variables = `${b.variables}\n${look.split('\n')[0]}`;
    expect(await b.run(`${variables}\n${work}`)).toMatchObject({ code: 0, stdout: '17984\n', stderr: '' });

    for (const { pid } of machines[2]?.processes() ?? []) process.kill(pid, 'SIGKILL');
    const left = await waitFor('two to be left', async () => {
      const found = await b.run(`${variables}\n${after}`);
      return found.stdout.includes('2 coordinators') ? found : undefined;
    });
    expect(left).toMatchObject({ code: 0, stderr: '' });
    expect(left.stdout).toContain('\n17984\n');
    expect(left.stdout).not.toContain(`${ADDRESS['c']}:4999`);
  },
  180_000,
);

function packagesOfNats(): string[] {
  const { peerDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    peerDependencies: Record<string, string>;
  };
  const order = ['transport-node', 'jetstream', 'kv', 'obj'].map((name) => `@nats-io/${name}`);
  expect(Object.keys(peerDependencies)).toEqual(expect.arrayContaining(order));
  return order;
}
