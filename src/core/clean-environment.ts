import { PoolError } from './errors.js';

/** What programs need to run at all, and to know where and in which language they do. */
const NAMES: ReadonlySet<string> = new Set([
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'TMPDIR', 'TZ', 'LANG', 'LANGUAGE'],
  // Where the sockets of slots are.
  'XDG_RUNTIME_DIR',
]);
const PREFIXES = ['LC_', 'NODE_', 'OFFHAND_'];

/** What stays behind all the same: NODE_AUTH_TOKEN is npm's, OFFHAND_TOKEN the pool's. */
const SECRET = /TOKEN|SECRET|PASSWORD|KEY/;

/**
 * The part of an environment that workers start with: what they need to run, and what is named besides. `names` are names of
 * variables; one that ends in `*` stands for all that begin so, but for OFFHAND_TOKEN, which is only ever passed by its name.
 */
export function cleanEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): Record<string, string | undefined> {
  const isPassed = (name: string) => isNeeded(name) || names.some((pattern) => isNamed(name, pattern));
  return Object.fromEntries(Object.entries(environment).filter(([name]) => isPassed(name)));
}

function isNeeded(name: string): boolean {
  if (SECRET.test(name)) return false;
  return NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix));
}

function isNamed(name: string, pattern: string): boolean {
  if (!pattern.endsWith('*')) return name === pattern;
  return name !== 'OFFHAND_TOKEN' && name.startsWith(pattern.slice(0, -1));
}

/** @param label how the error names what was given. @throws PoolError `invalid-argument` */
export function checkNames(names: readonly string[], label: string): readonly string[] {
  const odd = names.find((name) => !/^(\w+\*?|\*)$/.test(name));
  if (odd === undefined) return names;
  throw new PoolError(
    'invalid-argument',
    `${label}: expected names of variables, such as AWS_REGION or AWS_*, got ${JSON.stringify(odd)}`,
  );
}
