#!/usr/bin/env node
// Looks at Node's version before anything is loaded that an older one could not read.
import { checkNodeVersion } from '../host/node-version.js';

try {
  checkNodeVersion(process.versions.node);
} catch (error) {
  console.error(`offhand: ${(error as Error).message}`);
  process.exit(1);
}
const { main } = await import('./commands.js');
const { leave } = await import('./leave.js');
await main(process.argv.slice(2));
await leave();
