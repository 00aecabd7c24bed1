import { isIP } from 'node:net';
import { PoolError } from '../core/errors.js';

/** Port of a pool unless told otherwise. */
export const DEFAULT_PORT = 4999;

export interface Address {
  host: string;
  port: number;
}

/** `HOST:PORT`, `[IPV6]:PORT`, or a bare host with the default port. @throws PoolError `invalid-argument` */
export function parseAddress(text: string, name: string, defaultPort?: number): Address {
  const match = /^(?:\[([^\]]+)\]|(?!\d+$)([^:\s]+))(?::(\d+))?$/.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (!host || port === undefined || port < 1 || port > 65_535) {
    throw new PoolError('invalid-argument', `${name}: expected HOST:PORT, got ${JSON.stringify(text)}`);
  }
  return { host, port };
}

export function formatAddress({ host, port }: Address): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** Whether a host stands for every address of the machine: one to listen on, none to dial. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || (isIP(host) === 6 && /^[0:]+$/.test(host));
}

/** Whether all who are to reach this host are on the same machine. */
export function isOneMachine({ host, advertise }: { host: string; advertise: string }): boolean {
  return isLoopback(host) && isLoopback(advertise);
}

/** Ports from `first` to `last`, both included. */
export interface PortRange {
  first: number;
  last: number;
}

/** `5001-5100`, or a single port. @throws PoolError `invalid-argument` */
export function parsePortRange(text: string, name: string): PortRange {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text.trim());
  const first = Number(match?.[1]);
  const last = match?.[2] === undefined ? first : Number(match[2]);
  if (!match || first < 1 || last > 65_535 || first > last) {
    throw new PoolError(
      'invalid-argument',
      `${name}: expected ports FROM-TO between 1 and 65535, got ${JSON.stringify(text)}`,
    );
  }
  return { first, last };
}

/** The ports of a range in their order; 0, which is any free one, where there is no range. */
export function portsOf(range: PortRange | undefined): number[] {
  if (!range) return [0];
  return Array.from({ length: range.last - range.first + 1 }, (_, index) => range.first + index);
}
