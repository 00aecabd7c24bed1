import { PoolError } from './errors.js';
import { given } from './given.js';

const TAG = /^([a-z0-9][a-z0-9._-]*)(?:=([^\s,=]+))?$/i;
const MAX_TAG_LENGTH = 64;
/** Tags of one worker, and of one request. */
export const MAX_TAGS = 32;

const QUANTITY = /^(\d+(?:\.\d+)?)([kmgt]?)b?$/i;
const UNITS = ['', 'k', 'm', 'g', 't'];

/** Tags in one order, each once: what a worker has, or a request asks for. Sets that are alike have the same key. */
export interface TagSet {
  readonly key: string;
  readonly tags: readonly string[];
}

export const NO_TAGS: TagSet = { key: '', tags: [] };

/**
 * Checks tags: `gpu`, `mem=16g`, `zone=eu-1`.
 *
 * @param name how an error message names where they were given.
 * @throws PoolError `invalid-argument`
 */
export function tagSet(list: readonly unknown[] | undefined, name: string): TagSet {
  if (!list || list.length === 0) return NO_TAGS;
  for (const tag of list) {
    if (typeof tag === 'string' && tag.length <= MAX_TAG_LENGTH && TAG.test(tag)) continue;
    throw new PoolError(
      'invalid-argument',
      `${name}: expected a tag such as gpu or mem=16g, of at most ${MAX_TAG_LENGTH} characters, got ${given(tag)}`,
    );
  }
  const tags = [...new Set(list as readonly string[])].sort();
  if (tags.length <= MAX_TAGS) return { key: tags.join(','), tags };
  throw new PoolError('invalid-argument', `${name}: expected at most ${MAX_TAGS} tags, got ${tags.length}`);
}

/**
 * Whether a worker with the tags of `has` can serve what asks for those of `needs`. `gpu` asks for a tag of that name,
 * whatever its value. `mem=8g` asks for one of that name that is at least as large, where both are quantities (a kb being
 * 1024), and else for the same value.
 */
export function fits(has: TagSet, needs: TagSet): boolean {
  return needs.tags.every((need) => has.tags.some((tag) => serves(tag, need)));
}

function serves(tag: string, need: string): boolean {
  if (tag === need) return true;
  const [, tagName, tagValue] = TAG.exec(tag) ?? [];
  const [, needName, needValue] = TAG.exec(need) ?? [];
  if (tagName !== needName) return false;
  if (needValue === undefined) return true;
  const [has, wanted] = [quantityOf(tagValue), quantityOf(needValue)];
  return has !== undefined && wanted !== undefined && has >= wanted;
}

function quantityOf(value: string | undefined): number | undefined {
  const [, digits, unit = ''] = QUANTITY.exec(value ?? '') ?? [];
  return digits === undefined ? undefined : Number(digits) * 1024 ** UNITS.indexOf(unit.toLowerCase());
}
