import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A pool in processes of its own, started by the command that people use. */
export interface ServerProcess {
  /** What clients need in their environment to find it. */
  env: NodeJS.ProcessEnv;
  address: string;
  /** What a person opens in a browser. */
  link: string;
  stop(): Promise<void>;
}

/** Starts `offhand server`, apart from any other pool of this user. */
export async function startServerProcess(workers: number, flags: string[]): Promise<ServerProcess> {
  const home = mkdtempSync(join(tmpdir(), 'offhand-bench-'));
  const env = { ...process.env, XDG_CONFIG_HOME: home, XDG_RUNTIME_DIR: home };
  const args = ['dist/cli/main.js', 'server', String(workers), '--log-dir', join(home, 'logs'), ...flags];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  // Whatever ends this process, the pool ends too.
  const end = () => child.kill('SIGTERM');
  process.once('exit', end);
  const { address, link } = await greetingOf(child);
  return {
    address,
    link,
    env: { ...env, OFFHAND_ADDRESS: address },
    stop: async () => {
      const exited = once(child, 'exit');
      end();
      await exited;
      process.off('exit', end);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function greetingOf(child: ChildProcess): Promise<{ address: string; link: string }> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (!output.includes('to stop')) return;
      const [address = '', link = ''] = ['coordinator', 'browser'].map(
        (what) => new RegExp(`${what}\\s+(\\S+)`).exec(output)?.[1],
      );
      resolve({ address, link });
    });
    child.once('exit', (code) => reject(new Error(`the server ended with code ${code} while starting`)));
  });
}
