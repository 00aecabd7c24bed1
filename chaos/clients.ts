import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Sandbox } from '../test/support/sandbox.js';
import type { ClientSettings } from './client.js';
import { nowMs } from './clock.js';
import type { ClientLife } from './history.js';
import { STEADY } from './names.js';
import { Proxy } from './proxy.js';

/** How many calls a client has under way at a time. */
const LINES = 8;
/** How many more wait for whatever slot there is: enough that some lie behind those that run. */
const GREED = 48;

export interface Client {
  readonly name: string;
  readonly pid: number;
  /** Between it and the coordinator. */
  readonly proxy: Proxy;
}

interface Member extends Client {
  child: ChildProcess;
  life: ClientLife;
  isKilled: boolean;
}

export interface ClientsSettings {
  program: string;
  env: NodeJS.ProcessEnv;
  seed: number;
  /** Where the coordinator is. */
  port: number;
}

/** The client processes of a run, each with a proxy of its own before the coordinator. */
export class Clients {
  readonly #sandbox: Sandbox;
  readonly #settings: ClientsSettings;
  readonly #members = new Map<string, Member>();
  readonly lives: ClientLife[] = [];
  #count = 0;

  constructor(sandbox: Sandbox, settings: ClientsSettings) {
    this.#sandbox = sandbox;
    this.#settings = settings;
  }

  /** Those that live and may be killed. */
  get all(): Client[] {
    return [...this.#members.values()].filter(({ name }) => name !== STEADY);
  }

  get steady(): Client | undefined {
    return this.#members.get(STEADY);
  }

  /** Resolves when it is connected. */
  async start(name = `client-${++this.#count}`): Promise<void> {
    const proxy = new Proxy({ host: '127.0.0.1', port: this.#settings.port });
    const isSteady = name === STEADY;
    const client: ClientSettings = {
      name,
      seed: this.#settings.seed * 100 + this.#count,
      address: `127.0.0.1:${await proxy.listen(0)}`,
      lines: isSteady ? 1 : LINES,
      greed: isSteady ? 0 : GREED,
      isSteady,
    };
    const child = fork(this.#settings.program, {
      cwd: this.#sandbox.cwd,
      env: { ...this.#sandbox.env, ...this.#settings.env, CHAOS_CLIENT: JSON.stringify(client) },
      execArgv: ['--enable-source-maps'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const pid = child.pid ?? 0;
    const life: ClientLife = { name, pid, startedAt: nowMs(), endedAt: Infinity, end: { kind: 'closed' } };
    const member: Member = { name, pid, proxy, child, life, isKilled: false };
    this.#members.set(name, member);
    this.lives.push(life);
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.once('exit', (code, signal) => {
      life.endedAt = nowMs();
      if (member.isKilled) life.end = { kind: 'killed' };
      else if (code !== 0) life.end = { kind: 'failed', why: `${signal ?? `code ${code}`}: ${stderr}` };
      proxy.close();
      this.#members.delete(name);
    });
    await Promise.race([once(child, 'message'), once(child, 'exit')]);
  }

  /** As kill -9 does; another one takes its place. */
  async replace({ name }: Client): Promise<void> {
    const member = this.#members.get(name);
    if (!member) return;
    const gone = once(member.child, 'exit');
    member.isKilled = true;
    member.child.kill('SIGKILL');
    await gone;
    await this.start();
  }

  /** Asks all of them to end once their calls have; those that do not in time have failed. */
  async finish(withinMs: number): Promise<void> {
    const members = [...this.#members.values()];
    for (const { child } of members) child.send('stop');
    const timer = setTimeout(() => {
      for (const { child } of members) child.kill('SIGKILL');
    }, withinMs);
    await Promise.all(members.map(({ child }) => once(child, 'exit')));
    clearTimeout(timer);
  }
}
