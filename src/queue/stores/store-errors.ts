import { messageOf, PoolError } from '../../core/errors.js';
import type { StoreFailure } from './store-calls.js';

/** Errors of this copy of the code, or of the one that was bundled apart. */
export function asPoolError(error: unknown): PoolError | undefined {
  return error instanceof PoolError ? error : undefined;
}

/** What the engine says, in one sentence that says what to do. */
export function asFailure(error: unknown, folder: string): StoreFailure {
  const known = asPoolError(error);
  if (known) return { code: known.code, message: known.message };
  const code = (error as { code?: string } | undefined)?.code ?? '';
  const words = messageOf(error);
  if (/^SQLITE_FULL|^ENOSPC/.test(code) || /disk is full/.test(words))
    return {
      code: 'queue-full',
      message: `the disk of the store ${folder} is full; nothing of this was kept. Make room there, and submit it again`,
    };
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code) || /malformed|not a database/.test(words))
    return {
      code: 'unavailable',
      message: `the store ${folder} is damaged (${words.replace(/\s*\n\s*/g, ' ')}); no task in it was touched. Put a copy of the folder back, or move it away to begin with an empty one`,
    };
  if (code === 'EEXIST' || code === 'ENOTDIR')
    return {
      code: 'invalid-argument',
      message: `the store ${folder}: there is a file in its place; give a folder`,
    };
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return {
      code: 'permission-denied',
      message: `the store ${folder} cannot be written here; give another folder`,
    };
  return { code: 'unavailable', message: `the store ${folder} cannot be used: ${words}` };
}
