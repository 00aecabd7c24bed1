import { isLoopback, parseAddress } from '../wire/address.js';

/** Raised by a change that older versions would misread; they leave out what has a higher one. */
const FORMAT = 1;

/** What a coordinator tells of itself to all who share its NATS cluster. */
export interface Announcement {
  /** Of this life of the coordinator. */
  readonly id: string;
  /** Name of its machine. */
  readonly machine: string;
  /** `host:port` that clients dial. */
  readonly address: string;
  /** URL of its HTTP service; null where it has none. */
  readonly http: string | null;
  /** Of offhand, and of its wire. */
  readonly version: string;
  readonly protocol: number;
  readonly workers: number;
  readonly slots: number;
  /** Slots that somebody has a lease on. */
  readonly busy: number;
  /** Calls that wait for a worker of its own. */
  readonly waiting: number;
  /** What at least one of its workers has. */
  readonly tags: readonly string[];
  readonly uptimeMs: number;
}

export function announcementText(announcement: Announcement): string {
  return JSON.stringify({ format: FORMAT, ...announcement });
}

/** @returns undefined for what is none, or one of a version whose announcements this one cannot read. */
export function announcementFrom(text: string): Announcement | undefined {
  let given: Partial<Announcement & { format: number }>;
  try {
    given = JSON.parse(text) as typeof given;
  } catch {
    return undefined;
  }
  const { id, machine, address, version, protocol } = given;
  const isKnown =
    typeof id === 'string' &&
    typeof machine === 'string' &&
    typeof address === 'string' &&
    typeof version === 'string' &&
    typeof protocol === 'number' &&
    isAddress(address);
  if (given.format !== FORMAT || !isKnown) return undefined;
  const { http = null, workers = 0, slots = 0, busy = 0, waiting = 0, tags = [], uptimeMs = 0 } = given;
  return { id, machine, address, http, version, protocol, workers, slots, busy, waiting, tags, uptimeMs };
}

/** Whether nobody but its own machine reaches it. */
export function isLocal({ address }: Announcement): boolean {
  return isLoopback(parseAddress(address, 'address').host);
}

function isAddress(text: string): boolean {
  try {
    parseAddress(text, 'address');
    return true;
  } catch {
    return false;
  }
}
