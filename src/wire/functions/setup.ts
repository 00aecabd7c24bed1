import { decodePayload, encodePayload } from '../values/payload.js';
import { idOf } from './function-id.js';
import type { Part } from './parts.js';

/** A function that has to have run in a thread before those that need it do, with all that it needs itself. */
export interface Setup {
  source: string;
  parts: readonly Part[];
  /** The array of its arguments, encoded as V8 does. */
  args: Uint8Array;
  /** For people. */
  name: string;
  /** How long it may run, in ms; undefined for no limit. */
  timeoutMs: number | undefined;
}

/** As it travels: known by the hash of all of it, so that the same function with other arguments is another setup. */
export function setupPart(setup: Setup): Part {
  const { data } = encodePayload(setup, 'V8', `the setup \`${setup.name}\``);
  return { kind: 'SETUP', id: idOf(data), name: `the setup ${setup.name}`, data, remedy: '' };
}

export function setupFrom(data: Uint8Array): Setup {
  return decodePayload({ encoding: 'V8', data }) as Setup;
}

/** What a task fails with that needs a setup which has failed. */
export function setupFailureMessage(task: string, setup: string, why: string): string {
  return `\`${task}\` was not begun, because the setup \`${setup}\` of its pool failed: ${why}`;
}
