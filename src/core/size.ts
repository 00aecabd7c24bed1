import { PoolError } from './errors.js';

const MIB = 1024 * 1024;
const UNITS: Record<string, number> = { '': 1, b: 1, kb: 1024, mb: MIB, gb: 1024 * MIB };

/**
 * `512mb`, `1.5gb`, a kb being 1024 bytes; a bare number is bytes.
 *
 * @param name how an error message names the option.
 * @throws PoolError `invalid-argument`, also for less than `leastBytes`
 */
export function parseSizeBytes(given: unknown, name: string, leastBytes: number): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]?b?)$/i.exec(String(given).trim());
  const unit = UNITS[match?.[2]?.toLowerCase() ?? ''];
  const bytes = Math.round(Number(match?.[1]) * (unit ?? Number.NaN));
  const isKind = typeof given === 'string' || typeof given === 'number';
  if (isKind && bytes >= leastBytes && Number.isSafeInteger(bytes)) return bytes;
  throw new PoolError(
    'invalid-argument',
    `${name}: expected a size such as 512mb or 2gb, at least ${leastBytes < MIB ? `${leastBytes / 1024}kb` : `${leastBytes / MIB}mb`}, got ${String(given)}`,
  );
}

/** For people: `512 MiB`. */
export function formatSize(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}
