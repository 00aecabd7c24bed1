import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { GrapherError } from './errors.js';

/** A file that was found and read. */
export type Input = {
  /** As the person gave it; errors call it so. */
  name: string;
  /** Its name without folder and `.csv`, unique among the inputs; pictures are called after it. */
  stem: string;
  text: string;
};

const PROFILE_FOLDER = 'profiling';

/**
 * Reads the files; one given twice counts once. A bare name is looked for here first, then in `profiling/`.
 * @throws GrapherError when a file is missing or cannot be read
 */
export async function readInputs(names: readonly string[]): Promise<Input[]> {
  const inputs: Input[] = [];
  const seen = new Set<string>();
  const stems = new Map<string, number>();
  for (const name of names) {
    const path = await find(name);
    if (seen.has(resolve(path))) continue;
    seen.add(resolve(path));
    const stem = basename(path).replace(/\.csv$/i, '');
    const count = (stems.get(stem) ?? 0) + 1;
    stems.set(stem, count);
    inputs.push({ name, stem: count === 1 ? stem : `${stem}-${count}`, text: await read(path, name) });
  }
  return inputs;
}

async function find(name: string): Promise<string> {
  const isBare = basename(name) === name;
  const places = isBare ? [name, join(PROFILE_FOLDER, name)] : [name];
  for (const path of places) {
    try {
      if ((await stat(path)).isDirectory())
        throw new GrapherError(`${name} is a folder: name a CSV file in it.`);
      return path;
    } catch (error) {
      if (error instanceof GrapherError) throw error;
      if (!['ENOENT', 'ENOTDIR'].includes(codeOf(error)))
        throw new GrapherError(`${name}: ${reason(error)}.`);
    }
  }
  const looked = [...new Set(places.map((path) => dirname(resolve(path))))].join(' and ');
  throw new GrapherError(`${basename(name)}: no such file; looked in ${looked}.`);
}

async function read(path: string, name: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new GrapherError(`${name}: ${reason(error)}.`);
  }
}

/** Makes the folder and those above it if need be. @throws GrapherError when it cannot be made */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await makeWithParents(resolve(folder));
  } catch (error) {
    throw unwritable(folder, error);
  }
}

/** `mkdir` with `recursive` never returns where a folder exists and refuses a new one as missing, as /proc does. */
async function makeWithParents(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' && dirname(folder) !== folder) {
      await makeWithParents(dirname(folder));
      await mkdir(folder);
    } else if (!(await isFolder(folder))) {
      throw error;
    }
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** Writes one picture and returns its path. @throws GrapherError when the folder or the file refuses */
export async function writePicture(folder: string, file: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, file);
  try {
    await writeFile(path, bytes);
  } catch (error) {
    throw unwritable(path, error);
  }
  return path;
}

function unwritable(path: string, error: unknown): GrapherError {
  return new GrapherError(`Cannot write ${path}: ${reason(error)}; choose another folder with --out.`);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function reason(error: unknown): string {
  switch (codeOf(error)) {
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'EEXIST':
    case 'ENOTDIR':
      return 'something that is no folder stands in its place';
    case 'ENOENT':
      return 'nothing can be made there';
    case 'EISDIR':
      return 'a folder stands in its place';
    case 'EROFS':
      return 'the file system is read-only';
    case 'ENOSPC':
      return 'no space is left';
    case 'EBUSY':
      return 'another program holds it open';
    case 'ERR_STRING_TOO_LONG':
    case 'ERR_FS_FILE_TOO_LARGE':
      return 'too large to be read at once';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
