import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from './wait.js';

/** The environment variable by which a sandbox knows its processes, whoever started them. */
const MARK = 'OFFHAND_TEST_SANDBOX';

export interface LiveProcess {
  pid: number;
  command: string;
}

/** A working folder, home and environment of its own; whatever is started in it is found again and ended with it. */
export class Sandbox {
  readonly dir = mkdtempSync(join(tmpdir(), 'offhand-test-'));
  readonly cwd = join(this.dir, 'cwd');
  /** For its temporary files. */
  readonly tmp = join(this.dir, 'tmp');
  readonly tokenFile = join(this.dir, 'config', 'offhand', 'token');
  readonly #id = randomUUID();

  constructor() {
    for (const name of ['cwd', 'home', 'config', 'run', 'tmp'])
      mkdirSync(join(this.dir, name), { mode: 0o700 });
  }

  get env(): NodeJS.ProcessEnv {
    const kept = Object.entries(process.env).filter(
      ([name]) => !/^OFFHAND_|^NODE_OPTIONS$|_proxy$/i.test(name),
    );
    return {
      ...Object.fromEntries(kept),
      HOME: join(this.dir, 'home'),
      XDG_CONFIG_HOME: join(this.dir, 'config'),
      XDG_RUNTIME_DIR: join(this.dir, 'run'),
      TMPDIR: this.tmp,
      [MARK]: this.#id,
    };
  }

  get token(): string {
    return readFileSync(this.tokenFile, 'utf8').trim();
  }

  path(...parts: string[]): string {
    return join(this.cwd, ...parts);
  }

  /** Every process alive that was started in this sandbox, at whatever depth. */
  processes(): LiveProcess[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`${MARK}=${this.#id}`)) return [];
          const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
          return [{ pid: Number(pid), command }];
        } catch {
          return []; // Gone in the meantime, or a zombie.
        }
      });
  }

  /** Resolves when no process of this sandbox lives. */
  async whenEmpty(withinMs?: number): Promise<void> {
    let alive: LiveProcess[] = [];
    await waitFor('every process to end', () => (alive = this.processes()).length === 0, withinMs).catch(
      (error: unknown) => {
        throw new Error(`still alive: ${alive.map(({ command }) => command).join('; ')}`, { cause: error });
      },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await waitFor('the processes of a test to end', () => {
      const alive = this.processes();
      for (const { pid } of alive) killNow(pid);
      return alive.length === 0;
    });
    await rm(this.dir, { recursive: true, force: true, maxRetries: 3 });
  }
}

export function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Stops a process; resolves when all its threads stand still, which on a busy machine takes the kernel a while. */
export async function freeze(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  const tasks = `/proc/${pid}/task`;
  await waitFor(`process ${pid} to stand still`, () =>
    readdirSync(tasks).every((id) => stands(`${tasks}/${id}`)),
  );
}

function stands(thread: string): boolean {
  try {
    return /^State:\s+T/m.test(readFileSync(`${thread}/status`, 'utf8'));
  } catch {
    return false; // It has ended in between: the others are looked at once more.
  }
}

export function isRunning(pid: number): boolean {
  try {
    // A zombie that nobody has reaped yet has ended.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
