import { setTimeout as delay } from 'node:timers/promises';
import type { CallOptions } from '../index.js';
import { isLoss, notCompiled, type Prepared, resultOf, type Surroundings } from './attempt.js';
import type { ScriptResult } from './results.js';
import { runScripts } from './run-scripts.js';
import type { Job, Note, Ran, Script } from './script.js';

/** How long code on a worker may take to end the group of a script: longer than the script itself may. */
const CANCEL_GRACE_MS = 3_000;
/** For how long the processes of cancelled scripts are awaited before what they wrote is packaged. */
const LAST_WAIT_MS = 5_000;
/** How often a batch goes on after the loss of its worker, which is what any call does. */
const MOST_LOSSES = 1;

/** A script of a batch. */
class Member {
  readonly script: Script;
  readonly job: Job;
  /** How many attempts at it have begun. */
  attempts = 0;
  workerId: string | undefined;
  result: ScriptResult | undefined;

  constructor(script: Script, job: Job) {
    this.script = script;
    this.job = job;
  }
}

/** Runs scripts one after the other in a single call, and says what became of each. Never throws for what a script does. */
export async function runBatch(prepared: readonly Prepared[], around: Surroundings): Promise<ScriptResult[]> {
  const results: ScriptResult[] = [];
  const members: Member[] = [];
  for (const { script, job } of prepared) {
    if ('kind' in job) results.push(tell(around, notCompiled(script, job)));
    else members.push(new Member(script, job));
  }
  let left = members;
  for (let losses = 0; left.length > 0; losses++) {
    const call = new Call(left, around, losses > 0);
    const why = await call.run();
    left = left.filter(({ result }) => !result);
    if (isLoss(why) && call.isBatch && losses < MOST_LOSSES && !around.signal.aborted) continue;
    for (const member of left) await settle(member, undefined, why, around);
    break;
  }
  return [...results, ...members.flatMap(({ result }) => result ?? [])];
}

async function settle(
  member: Member,
  ran: Ran | undefined,
  why: unknown,
  around: Surroundings,
): Promise<void> {
  member.result = tell(around, await resultOf(member.script, ran, why, member, around));
}

function tell({ listener }: Surroundings, result: ScriptResult): ScriptResult {
  listener.ended?.(result);
  return result;
}

/** One call to a worker. How a script of several has ended is told at once: what runs later may cost the worker. */
class Call {
  readonly #members: readonly Member[];
  readonly #around: Surroundings;
  /** Whether the scripts ask for no retries of their own: then only those that have not ended go on after a loss. */
  readonly isBatch: boolean;
  readonly #pids = new Set<number>();
  #settling = Promise.resolve();
  #seen = '';

  /** @param isRest what is left of a batch that has lost its worker. */
  constructor(members: readonly Member[], around: Surroundings, isRest: boolean) {
    this.#members = members;
    this.#around = around;
    this.isBatch = isRest || members.length > 1;
  }

  /** Resolves when the scripts that have ended have their results. @returns why others have not */
  async run(): Promise<unknown> {
    const { pool, signal } = this.#around;
    const jobs = this.#members.map(({ job }) => job);
    const outcome = await pool
      .with(this.#options)
      .run(runScripts, jobs, this.isBatch)
      .catch((error: unknown) => ranOf(error) ?? error);
    if (signal.aborted) await Promise.all([...this.#pids].map(groupEnd));
    if (Array.isArray(outcome)) (outcome as Ran[]).forEach((ran, index) => this.#ended(index, ran));
    await this.#settling;
    return outcome;
  }

  get #options(): CallOptions {
    const { script } = this.#members[0]!;
    const { priority, retries } = script.header;
    const others = this.#members.length - 1;
    return {
      name: others === 0 ? script.name : `${script.name} and ${others} more`,
      signal: this.#around.signal,
      cancelGraceMs: CANCEL_GRACE_MS,
      logs: ({ text }) => {
        const { index, ran } = JSON.parse(text) as { index: number; ran: Ran };
        this.#ended(index, ran);
      },
      onProgress: (_, note) => this.#hear(note),
      ...(priority !== undefined && { priority }),
      ...(this.isBatch ? { retries: 0 } : retries !== undefined && { retries }),
    };
  }

  #hear(text: string | undefined): void {
    const { index, attempt, workerId, pid, line } = JSON.parse(text ?? '{}') as Note;
    const member = this.#members[index];
    if (!member) return;
    if (pid !== null) this.#pids.add(pid);
    const { listener, nameOf } = this.#around;
    const begun = `${index} ${attempt}`;
    if (this.#seen !== begun) {
      this.#began(member, attempt);
      listener.started?.(member.script, nameOf(workerId), member.attempts);
    }
    this.#seen = begun;
    member.workerId = workerId;
    if (line) listener.printed?.(member.script, line);
  }

  /** Attempts of a call count from 1; a script that was lost with its worker has had one before. */
  #began(member: Member, attempt: number): void {
    member.attempts = this.isBatch ? member.attempts + 1 : attempt;
  }

  #ended(index: number, ran: Ran): void {
    const member = this.#members[index];
    if (!member || member.result) return;
    this.#settling = this.#settling.then(async () => {
      if (member.result) return;
      if (!this.isBatch) member.attempts = ran.attempt;
      // One that was over too soon for its beginning to be told.
      else if (member.attempts === 0) member.attempts = 1;
      await settle(member, ran, undefined, this.#around);
    });
  }
}

/** What the function on the worker says of its only script, when that has failed. */
function ranOf(error: unknown): Ran[] | undefined {
  const { ran } = (error ?? {}) as { ran?: Ran };
  return ran && [ran];
}

/** Resolves when nobody is left in the group of a cancelled script, so that what it wrote can be packaged. */
async function groupEnd(pid: number): Promise<void> {
  const until = performance.now() + LAST_WAIT_MS;
  while (performance.now() < until) {
    try {
      process.kill(-pid, 0);
    } catch {
      return;
    }
    await delay(20);
  }
}
