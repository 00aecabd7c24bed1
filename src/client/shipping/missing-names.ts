import { PoolError } from '../../core/errors.js';
import { adviceOn } from '../../wire/functions/compiler-helpers.js';
import { placeOf } from './function-place.js';

/** Names that a module has and a function sent alone has not, with what to do. */
const OF_MODULES: Record<string, string> = {
  module: 'belongs to its module; pass what it takes from there as an argument',
  exports: 'belongs to its module; pass what it takes from there as an argument',
  __dirname: 'is the folder of its module; pass it as an argument',
  __filename: 'is the file of its module; pass it as an argument',
  arguments: 'are those of the function around it; an arrow function takes its own as (...args) => …',
};

/** Helpers of compilers, which would be supplied by their names, are not to be told from others then. */
const RENAMED =
  "Names as short as these may be a minifier's; with minifyIdentifiers: false (esbuild) or mangle: false (terser, swc) " +
  'it can be told what they are, and helpers of compilers are supplied';

/** Something in a function that is only to be had where it was written. */
export interface Missing {
  /** The function or class that uses it. */
  by: object & { name: string };
  names: readonly string[];
  usesOuterThis: boolean;
}

/** One error for all of it: who uses what, and what to do. */
export function notShippable(missing: readonly Missing[]): PoolError {
  return new PoolError('not-shippable', missing.map(inWords).join('. '));
}

function inWords({ by, names, usesOuterThis }: Missing): string {
  const place = placeOf(by);
  const who = `${by.name ? `\`${by.name}\`` : 'the function'}${place ? ` (${place})` : ''}`;
  const common: string[] = [];
  const own: string[] = [];
  for (const name of names) {
    const advice = (Object.hasOwn(OF_MODULES, name) ? OF_MODULES[name] : undefined) ?? adviceOn(name);
    if (advice === undefined) common.push(name);
    else own.push(`${who} uses \`${name}\`, which ${advice}`);
  }
  if (usesOuterThis)
    own.push(`${who} uses the \`this\` around it; pass what it takes from there as an argument`);
  if (common.length === 0) return own.join('. ');
  const list = common.map((name) => `\`${name}\``).join(', ');
  const remedy =
    `pass ${common.length > 1 ? 'them' : 'it'} with \`pool.with({ capture: { ${common.join(', ')} } })\`, ` +
    'import inside the function, or use `pool.module()`';
  const isRenamed = common.every((name) => name.length <= 2);
  return [`${who} uses ${list} from outside; ${remedy}`, ...(isRenamed ? [RENAMED] : []), ...own].join('. ');
}
