import type { Recorder } from './recorder.js';

// Each travels as its source, so none may use anything from around it. `globalThis.require`, because a bare `require`
// would be replaced by what bundles this file.

export const TASKS = {
  noop: (id: string): number =>
    (globalThis.require(String(process.env['CHAOS_RECORDER'])) as Recorder).attempt(id).answer(),
  cpu: (id: string, ms: number): number => {
    const attempt = (globalThis.require(String(process.env['CHAOS_RECORDER'])) as Recorder).attempt(id);
    attempt.spin(ms);
    return attempt.answer();
  },
  sleep: async (id: string, ms: number): Promise<number> => {
    const attempt = (globalThis.require(String(process.env['CHAOS_RECORDER'])) as Recorder).attempt(id);
    await attempt.sleep(ms);
    return attempt.answer();
  },
  /** So short that several go to a slot in one message, and nothing that would keep the machine busy. */
  nap: async (id: string, ms: number): Promise<number> => {
    const attempt = (globalThis.require(String(process.env['CHAOS_RECORDER'])) as Recorder).attempt(id);
    await attempt.nap(ms);
    return attempt.answer();
  },
  throws: (id: string): number =>
    (globalThis.require(String(process.env['CHAOS_RECORDER'])) as Recorder).attempt(id).complain(),
  /** With an argument that is pulled. */
  bulk: (id: string, _ms: number, bulk: Uint8Array): number => {
    const attempt = (globalThis.require(String(process.env['CHAOS_RECORDER'])) as Recorder).attempt(id);
    return attempt.answer() + (bulk.length - 200_000);
  },
  /** Runs into its time limit. */
  stuck: (id: string): number => {
    const attempt = (globalThis.require(String(process.env['CHAOS_RECORDER'])) as Recorder).attempt(id);
    attempt.spin(60_000);
    return attempt.answer();
  },
} as const;

export type TaskKind = keyof typeof TASKS;

export const BULK_BYTES = 200_000;
/** The time limit of a task that is stuck, in ms. */
export const STUCK_MS = 150;
