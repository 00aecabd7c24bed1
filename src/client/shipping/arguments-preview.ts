import { inspect } from 'node:util';
import { argumentsPreview, MAX_ARGUMENTS_PREVIEW } from '../../core/preview.js';
import { TaskHandle } from '../submitted/task-handle.js';

/** Arguments as people are shown them: what a store keeps, and the dashboard shows, is this and not the values. */
export function previewOf(args: readonly unknown[]): string {
  const words: string[] = [];
  let length = 0;
  for (const value of args) {
    const text =
      typeof value === 'number' || typeof value === 'boolean'
        ? String(value)
        : value instanceof TaskHandle
          ? `task ${value.id}`
          : inspect(value, { depth: 1, maxArrayLength: 10, maxStringLength: 200, breakLength: Infinity });
    words.push(text);
    length += text.length;
    if (length > MAX_ARGUMENTS_PREVIEW) break;
  }
  return argumentsPreview(words.join(', '));
}
