import { pathToFileURL } from 'node:url';
import type { Part } from '../../wire/functions/parts.js';
import { type Locator, sourceMapLocator } from '../shipping/source-map.js';

interface Kept {
  map: string;
  /** The folder that the names of its sources are relative to. */
  folder: string;
  locator?: Locator;
}

const kept = new WeakMap<Part, Kept>();

/** Keeps the source map of a bundle for as long as that is there; it is not sent. */
export function keepMap(part: Part, map: string, folder: string): void {
  kept.set(part, { map, folder });
}

/** From a place in a bundle to the one where it is written. Reads the map when it is asked for the first time. */
export function placesIn(part: Part): Locator | undefined {
  const known = kept.get(part);
  if (!known) return undefined;
  known.locator ??= sourceMapLocator(known.map, `${pathToFileURL(known.folder).href}/`);
  return known.locator;
}
