/**
 * Part of `npm run build`: reads proto/ once, so that no process of a pool has to. What comes out is what protobufjs makes of the
 * files, as text that it takes up again in a fraction of the time. The thread of a slot needs a small part only, and is started often.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import protobuf from 'protobufjs';

const CONTRACTS = {
  contract: ['coordinator', 'discovery', 'worker', 'slot', 'queue'],
  'slot-contract': ['slot'],
};

for (const [name, files] of Object.entries(CONTRACTS)) {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => join('proto', target);
  root.loadSync(files.map((file) => `offhand/v1/${file}.proto`));
  root.resolveAll();
  const text = JSON.stringify(JSON.stringify(root.toJSON()));
  await writeFile(`src/wire/generated/${name}.ts`, `export const CONTRACT: string = ${text};\n`);
}
