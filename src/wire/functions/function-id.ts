import { createHash } from 'node:crypto';
import { functionId, type FunctionId } from '../../core/ids.js';

/** By what a function, or a part that it needs, is known: the hash of its content. */
export function idOf(content: string | Uint8Array): FunctionId {
  return functionId(createHash('sha256').update(content).digest('hex'));
}
