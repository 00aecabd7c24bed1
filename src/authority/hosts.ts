import { isIP } from 'node:net';
import { PoolError } from '../core/errors.js';
import { isWildcard } from '../wire/address.js';

/** Letters, digits, hyphens and underscores between dots, as in host files and the DNS. */
const LABEL = /^(?!-)[a-z\d_-]{1,63}(?<!-)$/;
const MAX_NAME = 253;

/**
 * The names and addresses of a machine, each once.
 *
 * @throws PoolError `invalid-argument`, naming the one that is none.
 */
export function parseHosts(given: readonly string[]): string[] {
  return [...new Set(given.map(parseHost))];
}

function parseHost(given: string): string {
  const host = given.toLowerCase();
  if (isWildcard(host))
    throw refusal(`${given} is every address of a machine, and none to dial; give those that clients dial`);
  if (isIP(host) && !host.includes('%')) return host;
  // All digits: an address that was not meant to end there.
  const labels = host.split('.');
  if (
    host.length <= MAX_NAME &&
    labels.every((label) => LABEL.test(label)) &&
    !/^\d+$/.test(labels.at(-1) ?? '')
  )
    return host;
  throw refusal(
    `cert: expected names and addresses such as box.lan or 192.0.2.10, without a port, got ${JSON.stringify(given)}`,
  );
}

/** @throws PoolError `invalid-argument` */
export function parseClient(given: string): string {
  if (/^[\w][\w.-]{0,62}$/.test(given)) return given;
  throw refusal(
    `--client: expected a name of letters, digits, dots and hyphens, 63 at most, got ${JSON.stringify(given)}`,
  );
}

function refusal(message: string): PoolError {
  return new PoolError('invalid-argument', message);
}
