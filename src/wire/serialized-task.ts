import { isDeepStrictEqual } from 'node:util';
import type { PartKind } from './functions/parts.js';
import type { ShippedFunction } from './functions/source.js';
import { encodePayload, type Payload } from './values/payload.js';

/** Of the form. Fields are only ever added; what an older reader would misread raises it. */
export const SERIALIZED_VERSION = 1;

/**
 * A task as text: JSON, no part of which is ever evaluated while it is read. `docs/http.md` describes it for those who make it
 * by themselves.
 */
export interface SerializedTask {
  /** The version of the form. */
  offhand: number;
  name?: string;
  /** A function, as JavaScript. With parts: a function of an array of them, which makes the function. */
  source: string;
  /** What goes along with it. */
  parts?: { kind: PartKind; name: string; data: string; remedy?: string }[];
  /** The arguments: as they are where JSON carries them as they are, else encoded, in base64. */
  arguments: unknown[] | { v8: string };
  /** What people are shown of both, plain text. Left out: the source as it is, and arguments that stand here as JSON. */
  preview?: { source?: string; arguments?: string };
  /** As of `POST /v1/tasks`. */
  options?: object;
}

/**
 * @param shown what people are shown of the arguments.
 * @throws PoolError `not-cloneable`, `too-large`
 */
export function serialize(
  fn: ShippedFunction,
  name: string,
  args: readonly unknown[],
  shown: string,
  options: object,
): string {
  const isPlain = isPlainJson(args);
  const preview = {
    ...(fn.preview !== fn.source && { source: fn.preview }),
    ...(!isPlain && { arguments: shown }),
  };
  const task: SerializedTask = {
    offhand: SERIALIZED_VERSION,
    name,
    source: fn.source,
    ...(fn.parts.length > 0 && {
      parts: fn.parts.map((part) => ({
        kind: part.kind,
        name: part.name,
        data: base64(part.data),
        ...(part.remedy && { remedy: part.remedy }),
      })),
    }),
    arguments: isPlain ? [...args] : { v8: base64(encodePayload(args, 'V8', 'arguments').data) },
    ...(Object.keys(preview).length > 0 && { preview }),
    ...(Object.keys(options).length > 0 && { options }),
  };
  return JSON.stringify(task);
}

/** The arguments of a serialized task, on their way to a worker. */
export function argumentsOf({ arguments: args }: Pick<SerializedTask, 'arguments'>): Payload {
  if (Array.isArray(args)) return encodePayload(args, 'JSON', 'arguments');
  return { encoding: 'V8', data: Buffer.from(args.v8, 'base64') };
}

/** Whether JSON gives back exactly this: no dates that become text, no gaps, no shared parts. */
function isPlainJson(value: unknown): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(JSON.stringify(value)), value);
  } catch {
    return false; // Cycles and BigInts.
  }
}

function base64({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}
