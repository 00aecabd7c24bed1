import type { Failure, Job, Note, Ran } from './script.js';

/**
 * Runs scripts one after the other, each as a process that leads a group of its own. This function is shipped: everything it
 * uses it imports inside itself.
 *
 * The output of a script goes straight into files, so that no amount of it takes memory. A process group ends with its script,
 * at its timeout, when the call is cancelled, and, by a guard that holds one end of a pipe, when the worker or its thread is
 * gone in whatever way: a script that is tried again never runs beside itself.
 *
 * @param isBatch whether it says how each script has ended as soon as it has, as a line of output
 * @throws Error with a field `ran`, when its only script has failed, so that it is tried again as often as the call says
 */
export async function runScripts(jobs: Job[], isBatch: boolean): Promise<Ran[]> {
  const { spawn } = await import('node:child_process');
  const fs = await import('node:fs');
  const path = await import('node:path');

  /** Between the end that is asked for and the one that is not. */
  const GRACE_MS = 500;
  const LOOK_MS = 250;
  /** How much of the end of an output is looked at for its last line. */
  const TAIL_BYTES = 1_024;
  // The guard is nobody's child but init's, so that a script that waits for all its children does not wait for it.
  const GUARD = '((read -r _ <&3; kill -KILL 0) >/dev/null 2>&1 &); exec "$@" 3<&-';

  const task = __offhand;
  const results: Ran[] = [];
  for (const [index, job] of jobs.entries()) {
    if (task.signal.aborted) break;
    const ran = await runOne(job, index);
    if (isBatch) console.log(JSON.stringify({ index, ran }));
    results.push(ran);
  }
  const [only] = results;
  if (!isBatch && only?.failure) throw Object.assign(new Error(only.failure.message), { ran: only });
  return results;

  async function runOne(job: Job, index: number): Promise<Ran> {
    const beganAt = performance.now();
    const over = (code: number | null, signal: string | null, failure: Failure | null): Ran => {
      const ms = performance.now() - beganAt;
      return { code, signal, ms, attempt: task.attempt, workerId: task.workerId, failure };
    };
    const notStarted = (message: string) => over(null, null, { kind: 'not-started', message });
    const opened: number[] = [];
    try {
      fs.rmSync(job.folder, { recursive: true, force: true });
      fs.mkdirSync(path.join(job.folder, 'files'), { recursive: true });
      for (const name of ['stdout', 'stderr']) opened.push(fs.openSync(path.join(job.folder, name), 'wx+'));
    } catch (error) {
      for (const fd of opened) fs.closeSync(fd);
      return notStarted(`its output cannot be written: ${(error as Error).message}`);
    }
    try {
      const lacking = whatLacks(job);
      if (lacking !== undefined) return notStarted(lacking);
      return await runProcess(job, index, opened, over);
    } finally {
      for (const fd of opened) fs.closeSync(fd);
    }
  }

  async function runProcess(
    job: Job,
    index: number,
    outputs: number[],
    over: (code: number | null, signal: string | null, failure: Failure | null) => Ran,
  ): Promise<Ran> {
    const command = [job.program || process.execPath, ...job.words, job.file];
    const child = spawn('/bin/sh', ['-c', GUARD, 'sh', ...command], {
      cwd: job.cwd,
      env: job.env,
      detached: true,
      stdio: ['ignore', outputs[0], outputs[1], 'pipe'],
    });
    const ended = new Promise<[number | null, string | null, Error | null]>((resolve) => {
      child.once('error', (error) => resolve([null, null, error]));
      child.once('exit', (code, signal) => resolve([code, signal, null]));
    });
    const lifeline = child.stdio[3];
    lifeline?.on('error', () => undefined); // Nothing is written to it; that it is open says all.
    const killGroup = (signal: NodeJS.Signals) => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, signal);
      } catch {
        // Nobody is left in it.
      }
    };
    let why: Failure | null = null;
    let impatience: NodeJS.Timeout | undefined;
    const stop = (failure: Failure | null) => {
      why ??= failure;
      if (impatience) return;
      killGroup('SIGTERM');
      impatience = setTimeout(() => killGroup('SIGKILL'), GRACE_MS);
    };
    const onAbort = () => stop(null);
    task.signal.addEventListener('abort', onAbort);
    const limit =
      job.timeoutMs === null
        ? undefined
        : setTimeout(() => {
            stop({ kind: 'timeout', message: `not over after its timeout of ${job.timeoutMs} ms` });
          }, job.timeoutMs);
    const sizes = outputs.map(() => 0);
    let line = '';
    const look = () => {
      for (const [which, fd] of outputs.entries()) {
        const { size } = fs.fstatSync(fd);
        if (size !== sizes[which]) line = lastLine(fd, size) || line;
        sizes[which] = size;
      }
      const { attempt, workerId } = task;
      const note: Note = { index, attempt, workerId, pid: child.pid ?? null, line };
      task.progress(index / jobs.length, JSON.stringify(note));
      if ((sizes[0] ?? 0) + (sizes[1] ?? 0) > job.maxOutputBytes)
        stop({ kind: 'output', message: `printed more than ${job.maxOutputBytes} bytes (--max-output)` });
    };
    look();
    const looking = setInterval(look, LOOK_MS);
    const [code, signal, error] = await ended;
    clearInterval(looking);
    clearTimeout(limit);
    clearTimeout(impatience);
    task.signal.removeEventListener('abort', onAbort);
    // What the script has left running ends with it, and the guard does.
    killGroup('SIGKILL');
    lifeline?.destroy();
    look();
    if (error) return over(null, null, { kind: 'not-started', message: error.message });
    if (why) return over(code, signal, why);
    if (signal !== null) return over(code, signal, { kind: 'signal', message: `ended by ${signal}` });
    return over(code, signal, code === 0 ? null : { kind: 'exit', message: `exit code ${code}` });
  }

  function lastLine(fd: number, size: number): string {
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const read = fs.readSync(fd, bytes, 0, bytes.length, size - bytes.length);
    return (
      bytes
        .toString('utf8', 0, read)
        .trimEnd()
        .split(/[\r\n]/)
        .at(-1) ?? ''
    );
  }

  /** What has to be there for the script to run, and is not. */
  function whatLacks({ program, words, file, cwd, env }: Job): string | undefined {
    if (!fs.existsSync(file))
      return `${file} is not to be seen by the worker; it has to run where the folder is`;
    if (!fs.existsSync(cwd)) return `the folder ${cwd} is not there`;
    const programs = [program];
    const named = words[0]?.replace(/^-S\s*/, '').split(/\s/)[0];
    if (program.endsWith('/env') && named) programs.push(named);
    const missing = programs.find((one) => one !== '' && !isThere(one, env['PATH'] ?? ''));
    return missing === undefined ? undefined : `${missing}, which runs it, is not installed here`;
  }

  function isThere(program: string, searched: string): boolean {
    const places = path.isAbsolute(program)
      ? [program]
      : searched.split(path.delimiter).map((folder) => path.join(folder, program));
    return places.some((place) => {
      try {
        fs.accessSync(place, fs.constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
  }
}
