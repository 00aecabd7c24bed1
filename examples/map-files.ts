/**
 * Goes through files with `pool.map`: the function reads a file on the worker, so only its name travels and a line of
 * numbers comes back. Results arrive in the order of the input.
 *
 *     npm run example examples/map-files.ts            # this folder, by itself: no server needed
 *     npm run example examples/map-files.ts FOLDER
 */
import assert from 'node:assert/strict';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { startPool } from 'offhand';

const folder = resolve(process.argv[2] ?? 'examples');
const names = await readdir(folder, { recursive: true, withFileTypes: true });
const paths = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));

/** What a function needs it imports inside itself: it travels alone. */
async function describe(path: string) {
  const { readFile } = await import('node:fs/promises');
  const { createHash } = await import('node:crypto');
  const { gzipSync } = await import('node:zlib');
  const bytes = await readFile(path);
  return {
    path,
    bytes: bytes.length,
    words: bytes.toString('utf8').match(/\S+/g)?.length ?? 0,
    zipped: gzipSync(bytes).length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
}

await using pool = await startPool({ workers: 2 });
let count = 0;
let total = 0;
for await (const { path, bytes, words, zipped, sha256 } of pool.map(describe, paths)) {
  assert.equal(path, paths[count], 'results come in the order of the input');
  assert.equal(bytes, (await stat(path)).size);
  console.log(`${sha256.slice(0, 12)}  ${words} words, ${bytes} bytes, ${zipped} zipped  ${path}`);
  count += 1;
  total += bytes;
}
assert.equal(count, paths.length);
console.log(`${count} files, ${total} bytes`);
