import { accessSync, constants } from 'node:fs';
import { messageOf, PoolError } from '../../core/errors.js';
import { makeFolder } from '../../host/folder.js';

/** A folder that was named must be writable; the default one is done without, and that is said. */
export function outputFolder(
  given: string | undefined,
  fallback: string,
  flag: string,
  without: string,
): string | undefined {
  const folder = given ?? fallback;
  try {
    makeFolder(folder);
    accessSync(`${folder}/.`, constants.W_OK); // The dot: a file of that name is no folder.
    return folder;
  } catch (error) {
    if (given !== undefined) {
      throw new PoolError(
        'permission-denied',
        `${flag}: the folder ${folder} cannot be written (${messageOf(error)})`,
      );
    }
    console.error(
      `offhand: the folder ${folder} cannot be written, so ${without} (${flag} names another one)`,
    );
    return undefined;
  }
}
