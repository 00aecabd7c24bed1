import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, PoolError } from '../core/errors.js';
import { makeFolder } from '../host/folder.js';
import { makeWorkRoot, removeWorkRoot } from '../host/work-root.js';
import type { WorkDir, WorkFolder } from '../wire/process-messages.js';

/**
 * The working folders of the workers that one process starts: one for each name, so that the next process of a worker finds what
 * there was. Temporary ones end with the pool.
 */
export class WorkFolders {
  /** The folder that they are in. */
  readonly root: string;
  readonly isTemporary: boolean;

  /**
   * @param left the temporary one of a server that is gone, in which workers live on.
   * @throws PoolError `permission-denied`
   */
  constructor(where: WorkDir, left?: string) {
    this.isTemporary = where.kind === 'temporary';
    const temporary = left !== undefined && existsSync(left) ? () => left : makeWorkRoot;
    // As the processes in it see it.
    this.root = realpathSync(where.kind === 'kept' ? where.path : temporary());
  }

  /** That of the worker of this name; made, for this user alone, where it is missing. @throws PoolError `permission-denied` */
  of(name: string): WorkFolder {
    const path = join(this.root, name);
    try {
      makeFolder(path, 0o700);
      accessSync(`${path}/.`, constants.W_OK); // The dot: a file of that name is no folder.
    } catch (error) {
      throw new PoolError(
        'permission-denied',
        `${name} cannot have ${path} as its working folder (${messageOf(error)}); --work-dir names another place`,
      );
    }
    return { path, isTemporary: this.isTemporary };
  }

  /** When none of the workers lives: nothing temporary stays, unless tasks have left what cannot be removed. Gives why, then. */
  async remove(): Promise<string | undefined> {
    if (!this.isTemporary) return undefined;
    return removeWorkRoot(this.root).then(() => undefined, messageOf);
  }
}
