import { messageOf, PoolError } from '../../core/errors.js';
import { type Setup, setupFailureMessage, setupFrom } from '../../wire/functions/setup.js';
import { decodePayload } from '../../wire/values/payload.js';
import type { DirectTask } from '../direct/direct-task.js';
import type { InlineFunctions } from './inline-functions.js';

/** The setups of functions that run in this process: each runs once, as in a thread of a worker. */
export class InlineSetups {
  readonly #functions: InlineFunctions;
  readonly #done = new Set<string>();

  constructor(functions: InlineFunctions) {
    this.#functions = functions;
  }

  /** Runs what the task needs and has not run yet. @throws PoolError `setup-failed`, `timeout` */
  async runFor({ fn, name, setups }: DirectTask): Promise<void> {
    for (const { id, data } of fn.parts) {
      const added = setups.find((setup) => setup.id === id);
      if (!added || this.#done.has(id)) continue;
      const setup = setupFrom(data);
      try {
        const run = this.#functions.functionOf(added.callee, added.fn);
        const args = decodePayload({ encoding: 'V8', data: setup.args }) as unknown[];
        const running = Promise.resolve().then(() => run(...args));
        await within(setup, running);
      } catch (error) {
        if (error instanceof LateSetup) throw error;
        const why = error instanceof Error ? `${error.name}: ${error.message}` : messageOf(error);
        throw new PoolError('setup-failed', setupFailureMessage(name, setup.name, why), { cause: error });
      }
      this.#done.add(id);
    }
  }
}

class LateSetup extends PoolError {}

async function within({ name, timeoutMs }: Setup, run: Promise<unknown>): Promise<unknown> {
  if (timeoutMs === undefined) return run;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `\`setup ${name}\` ran longer than its timeoutMs of ${timeoutMs}`;
    timer = setTimeout(() => reject(new LateSetup('timeout', message, { mayHaveRun: true })), timeoutMs);
  });
  return Promise.race([run, late]).finally(() => clearTimeout(timer));
}
