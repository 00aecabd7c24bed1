import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PoolError } from '../../core/errors.js';
import { parseSizeBytes } from '../../core/size.js';
import { checkKeys, refuse } from '../options.js';
import { type Bundle, bundleModule } from './bundle.js';

/** How `pool.module` bundles. */
export interface ModuleOptions {
  /**
   * Packages and files that are not sent, but loaded where the module runs: from the folder in which its worker was started.
   * Packages with native code always are.
   */
  external?: readonly string[];
  /** Of the bundle: `512kb`, `16mb`, or bytes. A larger one is refused, naming its largest parts. @default '16mb' */
  maxSize?: string | number;
}

const DEFAULT_MAX_SIZE = '16mb';
const LEAST_SIZE_BYTES = 1024;

/**
 * Bundles the module at a URL of a file, or at an absolute path.
 *
 * @throws PoolError `invalid-argument`, `not-shippable`, `too-large`
 */
export async function openModule(place: unknown, options: ModuleOptions): Promise<Bundle> {
  checkKeys('pool.module', options, ['external', 'maxSize']);
  const { external = [], maxSize = DEFAULT_MAX_SIZE } = options;
  if (!Array.isArray(external) || !external.every((name) => typeof name === 'string'))
    refuse('external', "an array of packages and files: ['sharp']", external);
  const maxBytes = parseSizeBytes(maxSize, 'maxSize', LEAST_SIZE_BYTES);
  const path = pathOf(place);
  if (!existsSync(path)) throw new PoolError('invalid-argument', `pool.module: there is no file ${path}`);
  return bundleModule(path, { external, maxBytes });
}

function pathOf(place: unknown): string {
  if (place instanceof URL && place.protocol === 'file:') return fileURLToPath(place);
  if (typeof place === 'string' && place.startsWith('file:')) return fileURLToPath(place);
  if (typeof place === 'string' && isAbsolute(place)) return place;
  const given = place instanceof URL ? place.href : place;
  return refuse('pool.module', "the URL of a file: new URL('./image.ts', import.meta.url)", given);
}
