import { renameSync, rmSync, writeFileSync } from 'node:fs';

/** Writes a file whole or not at all: whoever reads it meanwhile sees what stood there before. */
export function replaceFile(path: string, text: string, mode?: number): void {
  const next = `${path}.${process.pid}.new`;
  try {
    writeFileSync(next, text, { mode });
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}
