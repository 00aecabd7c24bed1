import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { killNow, type Sandbox } from './sandbox.js';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A command under way: what it printed so far, and how it ended. */
export class Command {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(program: string, args: string[], sandbox: Sandbox, env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(program, args, {
      cwd: sandbox.cwd,
      env: { ...sandbox.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      // Not `close`: workers hold the same pipes and may outlive the command.
      this.child.once('exit', (code, signal) => setImmediate(() => resolve({ code, signal })));
    });
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('the command did not start');
    return this.child.pid;
  }

  get output(): string {
    return `${this.stdout}${this.stderr}`;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  kill(): void {
    killNow(this.pid);
  }
}

export interface Finished extends Ended {
  stdout: string;
  stderr: string;
}

/** Runs `offhand …` to its end. */
export async function offhand(
  sandbox: Sandbox,
  args: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Finished> {
  return run(sandbox, process.execPath, [MAIN, ...args], env);
}

/** Runs any program to its end, and reads all that it prints. */
export async function run(
  sandbox: Sandbox,
  program: string,
  args: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Finished> {
  const command = new Command(program, args, sandbox, env);
  const closed = new Promise((resolve) => command.child.once('close', resolve));
  const ended = await command.ended;
  await closed;
  return { ...ended, stdout: command.stdout, stderr: command.stderr };
}
