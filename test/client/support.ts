import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PoolError } from 'offhand';

/** What a promise rejects with. @throws when it does not. */
export async function rejection(promise: PromiseLike<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (reason) {
    return reason;
  }
  throw new Error(`expected a rejection, got ${String(value)}`);
}

/** The PoolError a promise rejects with. */
export async function poolError(promise: PromiseLike<unknown>): Promise<PoolError> {
  const reason = await rejection(promise);
  if (reason instanceof PoolError) return reason;
  throw new Error('expected a PoolError', { cause: reason });
}

/** Waits until the condition holds. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A task that waits until another one of its kind runs too; gives its process. */
export const meet = async (folder: string, own: string, other: string) => {
  const { existsSync: isThere, writeFileSync } = await import('node:fs');
  writeFileSync(`${folder}/${own}`, '');
  while (!isThere(`${folder}/${other}`)) await new Promise((resolve) => setTimeout(resolve, 5));
  return process.pid;
};

/** A folder of this test's own; `remove` takes it away. */
export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'offhand-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface Script {
  pid: number;
  /** Everything printed so far. */
  out: () => string;
  err: () => string;
  kill: (signal: NodeJS.Signals) => void;
  ended: Promise<{ code: number | null; signal: string | null; out: string; err: string }>;
}

/** Starts a script of test/fixtures/client in a process of its own. */
export function startScript(
  name: string,
  {
    args = [],
    node = [],
    cwd,
    env = {},
  }: { args?: string[]; node?: string[]; cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Script {
  const path = fileURLToPath(new URL(`../fixtures/client/${name}`, import.meta.url));
  const child = spawn(process.execPath, [...node, path, ...args], {
    cwd,
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = new Promise<Awaited<Script['ended']>>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, out, err }));
  });
  return {
    pid: child.pid ?? -1,
    out: () => out,
    err: () => err,
    kill: (signal) => child.kill(signal),
    ended,
  };
}

/** The numbers in what a script printed. */
export function pidsIn(text: string): number[] {
  return (text.match(/\d+/g) ?? []).map(Number);
}
