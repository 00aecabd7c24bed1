import { split } from './split.js';

export function count(text: string): number {
  return split(text).length;
}

export function longest(text: string): string {
  return split(text).reduce((best, word) => (word.length > best.length ? word : best), '');
}
