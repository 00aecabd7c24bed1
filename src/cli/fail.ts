import { messageOf } from '../core/errors.js';

/** Ends the command with one sentence. `OFFHAND_DEBUG=1` adds where it came from. */
export function fail(error: unknown): never {
  console.error(`offhand: ${messageOf(error)}`);
  if (process.env['OFFHAND_DEBUG'] === '1') console.error(error);
  process.exit(1);
}
