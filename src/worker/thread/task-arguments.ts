import { PoolError } from '../../core/errors.js';
import { decodePayload, type Payload } from '../../wire/values/payload.js';
import { readPut } from '../../wire/values/put.js';
import type { Job } from './job.js';

/** For each task of a job the array of its arguments. @throws PoolError `invalid-argument` */
export function argumentLists({ isList, count, inserts = [], delays }: Job, args: Payload): unknown[][] {
  const startedAt = delays ? performance.now() : 0;
  const value = decodePayload(args);
  const lists = isList ? value : [value];
  if (!Array.isArray(lists) || lists.length !== count || !lists.every(Array.isArray)) {
    const given = value === null ? 'null' : typeof value;
    throw new PoolError(
      'invalid-argument',
      isList
        ? `arguments: expected ${count} arrays of arguments`
        : `arguments: expected an array, got ${given}`,
    );
  }
  for (const { index, value: inserted } of inserts) {
    if (!inserted) throw new PoolError('internal', `arguments[${index}]: its value is not there`);
    for (const list of lists)
      (list as unknown[])[index] = 'form' in inserted ? readPut(inserted) : decodePayload(inserted);
  }
  if (delays) delays.decodeMs = performance.now() - startedAt;
  return lists as unknown[][];
}
