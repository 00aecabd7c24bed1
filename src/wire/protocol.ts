import { readFileSync } from 'node:fs';

interface PackageJson {
  version: string;
}

/** offhand's own version. */
export const VERSION = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as PackageJson
).version;

/** Rises when a message changes in a way that an older peer would misread. */
export const PROTOCOL = 2;
