import { decodePayload, encodePayload } from '../values/payload.js';
import { idOf } from './function-id.js';
import { PoolError } from '../../core/errors.js';
import type { Part } from './parts.js';
import type { ShippedFunction } from './source.js';

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

/** The hashes of its parts are made here: what stands in the data is its sender's word. @throws PoolError `invalid-argument` */
export function setupFrom(data: Uint8Array): Setup {
  const setup = decodePayload({ encoding: 'V8', data }) as Setup;
  if (typeof setup.source !== 'string')
    throw new PoolError(
      'invalid-argument',
      `parts: expected a setup with its source, got ${typeof setup.source}`,
    );
  return { ...setup, parts: setup.parts.map((part) => ({ ...part, id: idOf(part.data) })) };
}

/** A function as it is sent that needs setups. Their hashes stand in the text, so that it is known by another one than without. */
export function joinSetups(
  { source, parts, name, preview }: ShippedFunction,
  setups: readonly Part[],
): ShippedFunction {
  const { before, after } = frame(setups, parts.length > 0);
  const joined = `${before}${source}${after}`;
  return { id: idOf(joined), source: joined, name, parts: [...parts, ...setups], preview };
}

/** The text of a function without what {@link joinSetups} has put around it; undefined where that is not how it is written. */
export function withoutSetups(
  text: string,
  setups: readonly Pick<Part, 'id'>[],
  hasParts: boolean,
): string | undefined {
  if (setups.length === 0) return text;
  // Anything but a hash would be code.
  if (!setups.every(({ id }) => /^[0-9a-f]{64}$/.test(id))) return undefined;
  const { before, after } = frame(setups, hasParts);
  const isFramed =
    text.length >= before.length + after.length && text.startsWith(before) && text.endsWith(after);
  return isFramed ? text.slice(before.length, -after.length) : undefined;
}

function frame(setups: readonly Pick<Part, 'id'>[], hasParts: boolean): { before: string; after: string } {
  const ids = setups.map(({ id }) => `// ${id}\n`).join('');
  return { before: `(parts) => {\n${ids}return (`, after: `\n)${hasParts ? '(parts)' : ''};\n}` };
}

/** What a task fails with that needs a setup which has failed. */
export function setupFailureMessage(task: string, setup: string, why: string): string {
  return `\`${task}\` was not begun, because the setup \`${setup}\` of its pool failed: ${why}`;
}
