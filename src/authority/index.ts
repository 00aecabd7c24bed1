import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PoolError } from '../core/errors.js';
import { readPemFile } from '../host/pem-file.js';
import { authorityFiles, readAuthority, setFiles, writeAuthority, writeSet } from './folder.js';
import { issue, newAuthority, type Pair, type Subject, type Validity } from './issue.js';

export { parseClient, parseHosts } from './hosts.js';

/** The client that is made along with the first machine, unless one is named. */
const ANY_CLIENT = 'default';

/** How long an authority holds, in days: longer than anybody looks after the certificates that it signs. */
export const AUTHORITY_DAYS = 3_650;

/** Clocks of a network differ, and a certificate is to hold as soon as it is there. */
const EARLY_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** What is there now of an authority or a certificate. */
export interface Place {
  isNew: boolean;
  /** Last day on which it holds. */
  until: Date;
}

/** A folder with `ca.pem`, `cert.pem` and `key.pem`, for one machine or client. */
export interface CertificateSet extends Place {
  folder: string;
}

export interface Certificates {
  authority: Place & { cert: string; key: string };
  server: CertificateSet | undefined;
  client: CertificateSet | undefined;
}

export interface Wish {
  out: string;
  /** The names and addresses of one machine; none for none. */
  hosts: readonly string[];
  /** Left out: one for any client, where none is there yet and a machine was named. */
  client: string | undefined;
  days: number;
  /** Whether what is there is replaced, but for the authority. */
  renew: boolean;
  now: Date;
}

/**
 * Makes what was wished for, by the authority of that folder, or a new one where it has none. What is wrong is said before
 * anything is written.
 *
 * @throws PoolError `invalid-argument`, `permission-denied`
 */
export async function makeCertificates(wish: Wish): Promise<Certificates> {
  const { out, hosts, days, now } = wish;
  const [first, ...others] = hosts;
  const machine: Subject | undefined = first ? { kind: 'server', hosts: [first, ...others] } : undefined;
  const client: Subject = { kind: 'client', name: wish.client ?? ANY_CLIENT };
  const known = readAuthority(out);
  if (machine) checkRoom(folderOf(out, machine), wish);
  if (wish.client !== undefined) checkRoom(folderOf(out, client), wish);
  const keptClient = wish.client === undefined ? keptSet(folderOf(out, client), known) : undefined;

  const authority = known ?? (await newAuthority(validity(now, AUTHORITY_DAYS)));
  const files = authorityFiles(out);
  const until = endOf(authority.cert);
  const holding = validity(now, days);
  if (known && until < holding.until) {
    const left = Math.floor((until.getTime() - now.getTime()) / DAY_MS);
    throw new PoolError(
      'invalid-argument',
      `--days ${days}: the authority in ${files.cert} holds until ${until.toISOString().slice(0, 10)}; ` +
        (left > 0 ? `give ${left} at most` : 'make another one, with another --out'),
    );
  }
  if (!known) writeAuthority(out, authority);
  const make = (subject: Subject) => makeSet(folderOf(out, subject), authority, subject, holding);
  return {
    authority: { ...files, isNew: !known, until },
    server: machine && (await make(machine)),
    client: keptClient ?? (await make(client)),
  };
}

async function makeSet(
  folder: string,
  authority: Pair,
  subject: Subject,
  holding: Validity,
): Promise<CertificateSet> {
  writeSet(folder, { ...(await issue(authority, subject, holding)), ca: authority.cert });
  return { folder, isNew: true, until: holding.until };
}

/** A machine and a client of the same name are two. An IPv6 address has colons, which not every system has in names of files. */
function folderOf(out: string, subject: Subject): string {
  const name = subject.kind === 'server' ? subject.hosts[0].replaceAll(':', '-') : subject.name;
  return join(out, `${subject.kind}-${name}`);
}

function checkRoom(folder: string, { renew }: Wish): void {
  if (existsSync(folder) === renew) return;
  throw new PoolError(
    'invalid-argument',
    renew
      ? `--renew: ${folder} is not there; leave it out to make a new certificate`
      : `${folder} is there already; --renew puts a new certificate and key in its place`,
  );
}

/** The client that was made along with an earlier machine. @throws PoolError when it is of no use with this one */
function keptSet(folder: string, authority: Pair | undefined): CertificateSet | undefined {
  if (!existsSync(folder)) return undefined;
  const file = setFiles(folder).cert;
  const certificate = readCertificate(file);
  if (authority && certificate.verify(new X509Certificate(authority.cert).publicKey))
    return { folder, isNew: false, until: new Date(certificate.validTo) };
  throw new PoolError(
    'invalid-argument',
    `${file} is of another authority; move ${folder} away, or renew it: offhand cert --client ${ANY_CLIENT} --renew`,
  );
}

function readCertificate(file: string): X509Certificate {
  const pem = readPemFile(file, file);
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new PoolError('invalid-argument', `${file}: expected a certificate as PEM`, { cause: error });
  }
}

function validity(now: Date, days: number): Validity {
  return { from: new Date(now.getTime() - EARLY_MS), until: new Date(now.getTime() + days * DAY_MS) };
}

function endOf(cert: string): Date {
  return new Date(new X509Certificate(cert).validTo);
}
