import { constants, createWriteStream } from 'node:fs';
import { access, lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { messageOf } from '../core/errors.js';
import type { WrittenFile } from './results.js';

/** The kind of an entry that is a symlink, beside its permissions, as `unzip` and `tar` know it. */
const SYMLINK_MODE = 0o120777;

/** Something that was found below a folder. */
type Found = WrittenFile & { path: string; mode: number; mtime: Date; isFolder: boolean };

/** What a script has written, without following any symlink out of its folder. */
export async function listFiles(folder: string): Promise<WrittenFile[]> {
  const found: WrittenFile[] = [];
  for await (const { name, bytes, link, leftOut, isFolder } of walk(folder)) {
    if (isFolder && leftOut === undefined) continue;
    found.push({
      name,
      bytes,
      ...(link !== undefined && { link }),
      ...(leftOut !== undefined && { leftOut }),
    });
  }
  return found;
}

/**
 * Writes the archive: the results, and the folders with what is in them.
 *
 * @param folders of the same names below `root`; one that is not there is left out
 * @returns its size in bytes
 */
export async function writeArchive(
  file: string,
  results: { name: string; text: string },
  root: string,
  folders: readonly string[],
): Promise<number> {
  const zip = new ZipFile();
  const written = pipeline(zip.outputStream, createWriteStream(file));
  // What goes wrong with an entry ends the archive, and `written` says why.
  zip.on('error', (error: Error) => (zip.outputStream as PassThrough).destroy(error));
  zip.addBuffer(Buffer.from(results.text), results.name);
  const taken = new Set<string>([results.name]);
  for (const folder of folders) {
    for await (const entry of walk(join(root, folder))) {
      if (entry.leftOut === undefined) add(zip, entry, nameInArchive(`${folder}/${entry.name}`, taken));
    }
  }
  zip.end();
  await written;
  return (await lstat(file)).size;
}

function add(zip: ZipFile, entry: Found, name: string): void {
  const { mtime, link, path } = entry;
  if (entry.isFolder) zip.addEmptyDirectory(name, { mtime, mode: 0o40000 | entry.mode });
  else if (link !== undefined) zip.addBuffer(Buffer.from(link), name, { mtime, mode: SYMLINK_MODE });
  else
    zip.addReadStreamLazy(name, { mtime, mode: 0o100000 | entry.mode }, (give) => {
      // Opened when its turn comes; by then it still has to be a file.
      open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).then(
        (handle) => give(null, handle.createReadStream()),
        (error: Error) => give(error, undefined as never),
      );
    });
}

/**
 * A backslash separates folders for some programs that unpack archives, and nothing else may: so `..\evil` becomes
 * `..%5Cevil`, and stays where it belongs.
 */
function nameInArchive(path: string, taken: Set<string>): string {
  const safe = path.replaceAll('\\', '%5C');
  let name = safe;
  for (let n = 2; taken.has(name); n++) name = `${safe}-${n}`;
  taken.add(name);
  return name;
}

async function* walk(root: string, below = ''): AsyncGenerator<Found> {
  const folder = join(root, below);
  const info = await lstat(folder).catch(() => undefined);
  // Also when a script has put a symlink in the place of its folder.
  if (!info?.isDirectory()) return;
  for (const entry of (await readdir(folder)).sort()) {
    const name = below ? `${below}/${entry}` : entry;
    const found = await look(join(folder, entry), name);
    yield found;
    if (found.isFolder && found.leftOut === undefined) yield* walk(root, name);
  }
}

async function look(path: string, name: string): Promise<Found> {
  const nothing = { name, path, bytes: 0, mode: 0, mtime: new Date(), isFolder: false };
  try {
    const info = await lstat(path);
    const about = { ...nothing, mode: info.mode & 0o777, mtime: info.mtime };
    if (info.isSymbolicLink()) return { ...about, bytes: info.size, link: await readlink(path) };
    if (!info.isDirectory() && !info.isFile())
      return { ...about, leftOut: 'neither a file, a folder nor a symlink' };
    await access(path, info.isDirectory() ? constants.R_OK | constants.X_OK : constants.R_OK);
    return { ...about, bytes: info.isFile() ? info.size : 0, isFolder: info.isDirectory() };
  } catch (error) {
    return { ...nothing, leftOut: messageOf(error) };
  }
}
