import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, parse, resolve } from 'node:path';
import { isAlive, poolDirectory } from '../wire/pool-files.js';
import { makeFolder } from '../wire/folder.js';

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

function take(mark: string): boolean {
  makeFolder(poolDirectory(), 0o700);
  for (;;) {
    try {
      writeFileSync(mark, String(process.pid), { flag: 'wx', mode: 0o600 });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number(readFileSync(mark, 'utf8'));
    if (holder && isAlive(holder)) return false;
    rmSync(mark, { force: true });
  }
}
