import { createHash } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, parse, resolve } from 'node:path';
import { isAlive, poolDirectory } from '../host/pool-files.js';
import { makeFolder } from '../host/folder.js';

export interface ProfileClaim {
  path: string;
  release(): void;
}

/** Finds a file that no live pool writes to: the one asked for, else the same name with `-2`, `-3` and so on. */
export function claimProfile(wanted: string): ProfileClaim {
  const { dir, name, ext } = parse(resolve(wanted));
  for (let number = 1; ; number++) {
    const path = join(dir, `${name}${number > 1 ? `-${number}` : ''}${ext}`);
    const mark = join(
      poolDirectory(),
      `profile-${createHash('sha256').update(path).digest('hex').slice(0, 16)}`,
    );
    if (take(mark)) return { path, release: () => rmSync(mark, { force: true }) };
  }
}

/** Takes a mark that nobody alive holds. Linking a written draft is atomic: no mark is ever seen half written. */
function take(mark: string): boolean {
  makeFolder(poolDirectory(), 0o700);
  const draft = `${mark}.${process.pid}`;
  writeFileSync(draft, String(process.pid), { mode: 0o600 });
  try {
    for (;;) {
      try {
        linkSync(draft, mark);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      if (!removeStale(mark)) return false;
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Puts a dead holder's mark aside by renaming it, which only one of several rivals can do. False when its holder lives. */
function removeStale(mark: string): boolean {
  const aside = `${mark}.${process.pid}.stale`;
  try {
    if (isAlive(Number(readFileSync(mark, 'utf8')))) return false;
    renameSync(mark, aside);
    const isStale = !isAlive(Number(readFileSync(aside, 'utf8')));
    // A rival took the mark in between: it gets it back.
    if (!isStale) linkSync(aside, mark);
    rmSync(aside, { force: true });
    return isStale;
  } catch (error) {
    if (
      (error as NodeJS.ErrnoException).code === 'ENOENT' ||
      (error as NodeJS.ErrnoException).code === 'EEXIST'
    )
      return true;
    throw error;
  }
}
