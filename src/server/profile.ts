import type { Logger } from '../host/logger.js';
import type { Coordinator } from './coordinator.js';
import { claimProfile } from './profile-claim.js';
import type { ProfilerSettings } from './profiler.js';
import type { ProfileSoFar } from './profile-file.js';

/** A profile that is being written. */
export interface OpenProfile {
  readonly path: string;
  soFar(lastMs?: number): Promise<ProfileSoFar>;
  /** Writes what there is; resolves when it is whole. */
  stop(): Promise<void>;
  /** The same, and leaves its file to others. */
  close(): Promise<void>;
}

/** Begins to write one. @throws PoolError `permission-denied` when the file cannot be written. */
export async function openProfile(
  wanted: string,
  settings: ProfilerSettings,
  coordinator: Coordinator,
  log: Logger,
): Promise<OpenProfile> {
  const claim = claimProfile(wanted);
  try {
    // Most pools of a program write none.
    const { Profiler } = await import('./profiler.js');
    const profiler = await Profiler.open(claim.path, settings, coordinator, log);
    return {
      path: claim.path,
      soFar: (lastMs) => profiler.soFar(lastMs),
      stop: () => profiler.close(),
      close: async () => {
        await profiler.close();
        claim.release();
      },
    };
  } catch (error) {
    claim.release();
    throw error;
  }
}
