import { readFile } from 'node:fs/promises';
import { checkServerIdentity } from 'node:tls';
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { ConnectionOptions, NatsConnection } from '@nats-io/transport-node';
import { messageOf, PoolError } from '../core/errors.js';
import { parseAddress } from '../wire/address.js';
import { type ClusterAddress, clusterInWords } from './address.js';
import { loadNats, type NatsLibraries } from './libraries.js';
import { patiently } from './patiently.js';

/** The oldest server whose JetStream does all that is asked of it. */
const LEAST_VERSION = [2, 9] as const;

/** How long a first connection may take, in ms; and the pause before a lost one is tried again. */
const CONNECT_MS = 5_000;
const RECONNECT_MS = 500;

export interface ClusterLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** A connection to a NATS cluster with JetStream, kept for as long as somebody wants it. */
export class ClusterConnection {
  readonly nats: NatsConnection;
  readonly libraries: NatsLibraries;
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly #listeners = new Set<(isConnected: boolean) => void>();
  #isConnected = true;

  private constructor(
    nats: NatsConnection,
    libraries: NatsLibraries,
    jetstream: JetStreamClient,
    manager: JetStreamManager,
    log: ClusterLog,
  ) {
    this.nats = nats;
    this.libraries = libraries;
    this.jetstream = jetstream;
    this.manager = manager;
    void this.#follow(log);
  }

  /**
   * @param name by which administrators see the connection.
   * @throws PoolError in one sentence: `unavailable` when nobody answers there, or without JetStream; `unauthenticated`;
   * `version-mismatch` for a server that is too old; `invalid-argument`
   */
  static async open(address: ClusterAddress, name: string, log: ClusterLog): Promise<ClusterConnection> {
    const libraries = await loadNats();
    const where = clusterInWords(address);
    const options = await optionsOf(address, libraries);
    let nats: NatsConnection;
    try {
      nats = await libraries.transport.connect({ ...options, name });
    } catch (error) {
      throw connectRefusal(error, where);
    }
    try {
      checkVersion(nats.info?.version ?? '0', where);
      const ask = () => libraries.jetstream.jetstreamManager(nats);
      // A server that has it may have started just now, and not know the others yet.
      const manager = await (nats.info?.jetstream ? patiently(ask) : ask()).catch((error: unknown) => {
        throw jetstreamRefusal(error, where);
      });
      return new ClusterConnection(nats, libraries, libraries.jetstream.jetstream(nats), manager, log);
    } catch (error) {
      await nats.close();
      throw error;
    }
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Told when the connection is lost, and when it is back. @returns stops telling. */
  listen(listener: (isConnected: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What was published has left when this resolves, if the cluster is there. */
  async close(): Promise<void> {
    this.#listeners.clear();
    if (this.#isConnected) await this.nats.drain().catch(() => this.nats.close());
    else await this.nats.close();
  }

  async #follow(log: ClusterLog): Promise<void> {
    for await (const { type } of this.nats.status()) {
      if (type === 'disconnect') this.#change(false, () => log.warn({}, 'the connection to NATS is lost'));
      if (type === 'reconnect') this.#change(true, () => log.info({}, 'the connection to NATS is back'));
    }
  }

  #change(isConnected: boolean, tell: () => void): void {
    if (isConnected === this.#isConnected || this.nats.isClosed()) return;
    this.#isConnected = isConnected;
    tell();
    for (const listener of this.#listeners) listener(isConnected);
  }
}

async function optionsOf(
  { servers, isEncrypted, login, files }: ClusterAddress,
  { transport }: NatsLibraries,
): Promise<ConnectionOptions> {
  const { creds, ca, cert, key } = files;
  // The last is Node's own, to which all of it is handed on.
  const tls = { caFile: ca, certFile: cert, keyFile: key, checkServerIdentity: isOneOf(servers) };
  return {
    servers: servers.map((server) => `${isEncrypted ? 'tls' : 'nats'}://${server}`),
    timeout: CONNECT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_MS,
    // A server that is frozen says nothing: without these it would be trusted for minutes.
    pingInterval: 5_000,
    maxPingOut: 2,
    noAsyncTraces: true,
    ignoreAuthErrorAbort: true,
    ...(login && ('token' in login ? { token: login.token } : { user: login.user, pass: login.password })),
    ...(creds !== undefined && { authenticator: transport.credsAuthenticator(await bytesOf(creds)) }),
    ...(isEncrypted && {
      tls: Object.fromEntries(Object.entries(tls).filter(([, file]) => file !== undefined)),
    }),
  };
}

/**
 * Servers tell of one another by their IP addresses, by which nobody asked for a certificate; and an address that was given is not
 * handed on as a name. So a certificate is as good that is for any of the servers given.
 */
function isOneOf(servers: readonly string[]): typeof checkServerIdentity {
  const hosts = servers.map((server) => parseAddress(server, 'store').host);
  return (_dialled, certificate) => {
    const refusals = hosts.map((host) => checkServerIdentity(host, certificate));
    return refusals.includes(undefined) ? undefined : refusals[0];
  };
}

async function bytesOf(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new PoolError('invalid-argument', `--store-creds: ${file} cannot be read: ${messageOf(error)}`);
  }
}

function connectRefusal(error: unknown, where: string): PoolError {
  const words = messageOf(error);
  if (/authorization|authentication/i.test(words))
    return new PoolError(
      'unauthenticated',
      `NATS at ${where} refuses this login: check user, password, token or --store-creds`,
    );
  if (/tls|certificate|ssl/i.test(words))
    return new PoolError('unavailable', `no TLS connection to NATS at ${where}: ${words}`);
  return new PoolError('unavailable', `nobody answers for NATS at ${where}: ${words}`, { cause: error });
}

function jetstreamRefusal(error: unknown, where: string): PoolError {
  return new PoolError(
    'unavailable',
    `NATS at ${where} has no JetStream for this account: start its servers with -js, or enable it there (${messageOf(error)})`,
  );
}

function checkVersion(version: string, where: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_VERSION;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return;
  throw new PoolError(
    'version-mismatch',
    `NATS at ${where} has version ${version}; nats-server ${LEAST_VERSION.join('.')} or newer is needed`,
  );
}
