import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from '@jest/globals';

/** `test` where these programs are; CI installs them, so there their absence is a failure and not a reason to skip. */
export function testWith(...programs: string[]): typeof test | typeof test.skip {
  return process.env['CI'] === 'true' || programs.every(isThere) ? test : test.skip;
}

/** Whether a program is found by its name. */
export function isThere(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
