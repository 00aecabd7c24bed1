import { createHash } from 'node:crypto';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
      if (link(draft, mark)) return true;
      const holder = holderOf(mark);
      if (holder === undefined) continue; // Released just now.
      if (isAlive(holder)) return false;
      // Of several that want to follow a dead holder one at a time may try, and looks again when it is its turn.
      const turn = `${mark}.after-${holder}`;
      if (!link(draft, turn)) {
        const rival = holderOf(turn);
        if (rival !== undefined && !isAlive(rival)) return false; // Killed in its turn: another name will do.
        continue;
      }
      try {
        if (holderOf(mark) === holder) rmSync(mark);
      } finally {
        rmSync(turn);
      }
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** False where there is such a file already. */
function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** The process that a mark names; undefined when there is no such mark. */
function holderOf(mark: string): number | undefined {
  try {
    return Number(readFileSync(mark, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
