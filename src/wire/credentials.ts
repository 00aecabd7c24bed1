import { isIP } from 'node:net';
import { checkServerIdentity, createSecureContext } from 'node:tls';
import {
  type ChannelCredentials,
  type ChannelOptions,
  credentials as channel,
  Metadata,
  ServerCredentials,
} from '@grpc/grpc-js';
import { isLoopback, parseAddress } from './address.js';
import { CLIENT_OPTIONS } from './channel.js';

/** Certificates and a key, as PEM. */
export interface Tls {
  /** Whose certificates are trusted: those that an authority signed, or just this one. Left out: those that Node trusts. */
  ca?: string | undefined;
  /** The certificate to show, and after it those between it and its authority. */
  cert?: string | undefined;
  /** The private key of that certificate. */
  key?: string | undefined;
  /** Of servers: the authority whose certificates callers have to show. Left out: callers need none. */
  clientCa?: string | undefined;
}

/** By what the processes of a pool and its clients know one another. Plain data: it goes from process to process. */
export interface Credentials {
  /** Undefined where the pool runs without authentication. */
  token: string | undefined;
  tls?: Tls | undefined;
}

type ClientClass<T> = new (address: string, credentials: ChannelCredentials, options: ChannelOptions) => T;

/** Sent in the greeting where the other side has no name but an IP address, which TLS does not take for a name. */
const NAMELESS = 'offhand';

export interface DialOptions {
  /** What the other side's certificate has to be for. @default the host that is dialled */
  certifiedFor?: string | undefined;
  /** @default those of any client */
  options?: ChannelOptions;
}

/** A client of the service at `host:port` or `unix:/path`. Nothing is dialled before the first call. */
export function dial<T>(
  Client: ClientClass<T>,
  address: string,
  credentials: Credentials,
  { certifiedFor, options = CLIENT_OPTIONS }: DialOptions = {},
): T {
  const tls = tlsTo(address, credentials);
  if (!tls) return new Client(address, channel.createInsecure(), options);
  const name = certifiedFor ?? hostOf(address);
  const context = createSecureContext({ ...tls, allowPartialTrustChain: true });
  const secure = channel.createFromSecureContext(context, {
    checkServerIdentity: (_sent, certificate) => checkServerIdentity(name, certificate),
  });
  const sent = isIP(name) ? NAMELESS : name;
  return new Client(address, secure, { ...options, 'grpc.ssl_target_name_override': sent });
}

/**
 * What TLS an address is dialled with; undefined for none. Sockets are in a private folder and need none. This machine gets
 * what the pool has; nothing goes to another one in the clear, not even the token of somebody who forgot to ask for TLS.
 */
export function tlsTo(address: string, { tls }: Credentials): Tls | undefined {
  if (address.startsWith('unix:')) return undefined;
  return tls ?? (isLoopback(hostOf(address)) ? undefined : {});
}

/** What a server shows to those who dial this address of it. */
export function serverCredentials(address: string, { tls }: Credentials): ServerCredentials {
  if (!tls?.cert || !tls.key || address.startsWith('unix:')) return ServerCredentials.createInsecure();
  const pair = { cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) };
  if (tls.clientCa === undefined) return ServerCredentials.createSsl(null, [pair], false);
  return ServerCredentials.createSsl(Buffer.from(tls.clientCa), [pair], true);
}

/** What every call carries. */
export function callMetadata({ token }: Credentials, clientId?: string): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  if (clientId !== undefined) metadata.set('client-id', clientId);
  return metadata;
}

function hostOf(address: string): string {
  return parseAddress(address, 'address').host;
}
