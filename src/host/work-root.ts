import { mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { messageOf, PoolError } from '../core/errors.js';

// The temporary folder in which the workers of a pool have their working folders. Other users cannot look into it (mkdtemp).

const PREFIX = 'offhand-work-';

/** What a process that was ended holds for a moment longer is tried again, so often and after so many ms. */
const REMOVAL = { recursive: true, force: true, maxRetries: 5, retryDelay: 50 };

/** @throws PoolError `permission-denied` */
export function makeWorkRoot(): string {
  try {
    return mkdtempSync(join(tmpdir(), PREFIX));
  } catch (error) {
    throw new PoolError(
      'permission-denied',
      `the workers cannot have working folders among the temporary files (${messageOf(error)}); ` +
        '--work-dir names another place, --no-work-dir does without',
    );
  }
}

/** @throws Error where tasks have left what cannot be removed. */
export async function removeWorkRoot(root: string): Promise<void> {
  await rm(root, REMOVAL);
}

/** That of a pool none of whose processes lives. What is not called as one is left alone. */
export function removeLeftWorkRoot(root: string): void {
  if (!basename(root).startsWith(PREFIX)) return;
  try {
    rmSync(root, REMOVAL);
  } catch {
    // A task has left what cannot be removed. Whoever looks for a pool is not to suffer for it.
  }
}

/** The folder of one worker, by the worker itself when nobody else is there to do it; the last one removes what is around it. */
export function removeOwnFolder(folder: string): void {
  try {
    rmSync(folder, REMOVAL);
    rmdirSync(dirname(folder));
  } catch {
    // Other workers are still there, or programs that a task has started write on. There is nobody to tell.
  }
}
