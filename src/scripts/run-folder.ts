import { setMaxListeners } from 'node:events';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Pool } from '../index.js';
import { messageOf, PoolError } from '../core/errors.js';
import { writeArchive } from './archive.js';
import { type Listener, prepare, type Surroundings } from './attempt.js';
import { runBatch } from './batch.js';
import { findScripts } from './find.js';
import { plan, type Plan, type PlanOptions } from './plan.js';
import {
  ARCHIVE_FILE,
  makeResults,
  readResults,
  type Results,
  RESULTS_FILE,
  type ScriptResult,
} from './results.js';
import type { Script } from './script.js';

/** How a folder of scripts is run. */
export interface FolderOptions extends PlanOptions {
  dir: string;
  /** Where everything is written. */
  out: string;
  patterns: readonly string[] | undefined;
  isRecursive: boolean;
  isInPlace: boolean;
  timeoutMs: number | undefined;
  maxOutputBytes: number;
  env: NodeJS.ProcessEnv;
}

/** `parallel`, one after another, or first the one and then the other. */
export type Mode = 'parallel' | 'sequential' | 'compare';

/** What a user's function makes of the results, before they are packaged. */
export type PostProcess = (results: Results & { folder: string }) => unknown;

/** Told where a run is. */
export interface FolderListener extends Listener {
  /** @param expected what each took in the last run, in ms, as far as is known */
  began?(scripts: readonly Script[], expected: ReadonlyMap<string, number>, isSequential: boolean): void;
  /** All scripts have ended. */
  executed?(): void;
}

/** A folder of scripts that was found and looked through, and is ready to run. */
export class ScriptFolder {
  readonly #options: FolderOptions;
  readonly #plan: Plan;
  readonly #out: string;
  readonly #expected: ReadonlyMap<string, number>;

  private constructor(options: FolderOptions, planned: Plan, last: readonly ScriptResult[]) {
    this.#options = options;
    this.#plan = planned;
    this.#out = resolve(options.out);
    this.#expected = new Map(last.flatMap(({ name, ms }) => (ms === null ? [] : [[name, ms]])));
  }

  /** @throws PoolError `invalid-argument` when there is nothing to run, or a header or an earlier `results.json` is wrong */
  static async open(options: FolderOptions): Promise<ScriptFolder> {
    const { dir, patterns, isRecursive, out } = options;
    const scripts = await findScripts(dir, { patterns, recursive: isRecursive, except: resolve(out) });
    const earlier = await readResults(out);
    if (!earlier) await refuseOthers(out);
    const last = earlier?.scripts ?? [];
    return new ScriptFolder(options, plan(scripts, last, options), last);
  }

  /** How many scripts are to run. */
  get count(): number {
    return this.#plan.batches.flat().length;
  }

  /**
   * Runs the scripts on the pool, and leaves `results.json`, `result.zip` and the folders of the scripts.
   *
   * @param where the pool, and whether nobody else uses it
   * @param signal cancels what has not ended; what there is by then is written all the same
   */
  async run(
    where: { pool: Pool; isAlone: boolean },
    mode: Mode,
    post: PostProcess | undefined,
    signal: AbortSignal,
    listener: FolderListener,
  ): Promise<Results> {
    const { pool, isAlone } = where;
    // One for each call that is under way.
    setMaxListeners(0, signal);
    await this.#makeRoom();
    const names = workerNames(pool);
    if (isAlone) await names.known;
    const around = (folder: string): Surroundings => ({
      ...this.#options,
      pool,
      folder: join(this.#out, folder),
      compiled: join(this.#out, '.compiled'),
      signal,
      listener,
      nameOf: (workerId) => names.of(workerId),
    });
    const startedAt = new Date().toISOString();
    let sequentialMs: number | null = null;
    if (mode === 'compare') {
      const { ms } = await this.#execute(around('.compare'), true, listener);
      sequentialMs = signal.aborted ? null : ms;
    }
    const isSequential = mode === 'sequential';
    const executed = await this.#execute(around('scripts'), isSequential, listener);
    listener.executed?.();
    // Some names may have come only after the scripts.
    const named = executed.results.map((result) => ({
      ...result,
      worker: result.worker === null ? null : names.of(result.worker),
    }));
    const scripts = [...this.#plan.kept, ...named].sort((a, b) => (a.name < b.name ? -1 : 1));
    const times = { startedAt, isSequential, executionMs: executed.ms, sequentialMs };
    const results = makeResults(resolve(this.#options.dir), scripts, times);
    for (const passing of ['.compiled', '.compare'])
      await rm(join(this.#out, passing), { recursive: true, force: true });
    const packagingFrom = performance.now();
    if (post) results.post = await this.#postProcess(post, results);
    await writeArchive(
      join(this.#out, ARCHIVE_FILE),
      { name: RESULTS_FILE, text: inJson(results) },
      this.#out,
      ['scripts', 'post'],
    );
    results.packagingMs = Math.round(performance.now() - packagingFrom);
    await writeFile(join(this.#out, RESULTS_FILE), inJson(results));
    return results;
  }

  /** From here on the folder is one of results, with those in it that are kept. */
  async #makeRoom(): Promise<void> {
    const { kept } = this.#plan;
    await mkdir(this.#out, { recursive: true });
    const keeps = new Set(kept.map(({ name }) => name));
    const stale = ['.compiled', '.compare', 'post', ARCHIVE_FILE];
    if (keeps.size === 0) stale.push('scripts');
    else stale.push(...this.#plan.batches.flat().map(({ name }) => join('scripts', name)));
    for (const name of stale) await rm(join(this.#out, name), { recursive: true, force: true });
    const times = {
      startedAt: new Date().toISOString(),
      isSequential: false,
      executionMs: 0,
      sequentialMs: null,
    };
    const soFar = makeResults(resolve(this.#options.dir), kept, times);
    await writeFile(join(this.#out, RESULTS_FILE), inJson(soFar));
  }

  async #execute(
    around: Surroundings,
    isSequential: boolean,
    listener: FolderListener,
  ): Promise<{ results: ScriptResult[]; ms: number }> {
    const { batches } = this.#plan;
    listener.began?.(batches.flat(), this.#expected, isSequential);
    const from = performance.now();
    // All of them before the first runs, so that calls are made in the order that was planned.
    const prepared = await Promise.all(
      batches.map((batch) => Promise.all(batch.map((script) => prepare(script, around)))),
    );
    let results: ScriptResult[] = [];
    if (isSequential) {
      for (const one of prepared.flat()) results.push(...(await runBatch([one], around)));
    } else {
      results = (await Promise.all(prepared.map((batch) => runBatch(batch, around)))).flat();
    }
    return { results, ms: Math.round(performance.now() - from) };
  }

  /** It may write into the folder `post`, which is packaged too. */
  async #postProcess(post: PostProcess, results: Results): Promise<Results['post']> {
    try {
      await mkdir(join(this.#out, 'post'));
      return { result: (await post({ ...results, folder: this.#out })) ?? null };
    } catch (error) {
      return { error: messageOf(error) };
    }
  }
}

/** Without results in it, a folder may hold what is not ours to remove. */
async function refuseOthers(out: string): Promise<void> {
  const there = await readdir(out).catch((): string[] => []);
  const others = ['scripts', 'post', ARCHIVE_FILE].filter((name) => there.includes(name));
  if (others.length === 0) return;
  throw new PoolError(
    'invalid-argument',
    `${out} holds something else than results (${others.join(', ')}); name another folder by --out`,
  );
}

function inJson(results: Results): string {
  return `${JSON.stringify(results, null, 2)}\n`;
}

/** The names of workers by their ids. They come while scripts run: a worker that is busy with another's task would hold them up. */
function workerNames(pool: Pool): { known: Promise<void>; of(workerId: string): string } {
  const names = new Map<string, string>();
  const known = pool
    .with({ name: 'offhand scripts: which worker is this', logs: 'silent' })
    .broadcast(() => __offhand.workerId)
    .then((outcomes) => {
      for (const outcome of outcomes)
        if (outcome.status === 'fulfilled') names.set(outcome.value, outcome.worker);
    })
    .catch(() => undefined); // The ids will have to do.
  return { known, of: (workerId) => names.get(workerId) ?? workerId };
}
