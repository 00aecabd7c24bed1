import { SourceMap, type SourceMapPayload } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Place } from '../../core/stack.js';

/** Where something is written: from a line and a column of what was made of it, both from 1. */
export type Locator = (line: number, column: number) => Place | undefined;

/**
 * @param text the map, as JSON.
 * @param base URL that the names of its sources are relative to.
 * @throws Error for what is no map
 */
export function sourceMapLocator(text: string, base: string): Locator {
  const map = new SourceMap(JSON.parse(text) as SourceMapPayload);
  return (line, column) => {
    const entry = map.findEntry(line - 1, column - 1);
    if (!('originalSource' in entry) || !entry.originalSource) return undefined;
    const source = URL.canParse(entry.originalSource, base)
      ? new URL(entry.originalSource, base).href
      : entry.originalSource;
    return placeIn(source, entry.originalLine + 1, entry.originalColumn + 1);
  };
}

export function placeIn(url: string, line: number, column: number): Place {
  return { file: url.startsWith('file:') ? fileURLToPath(url) : url, line, column };
}
