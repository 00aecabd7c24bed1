import type { Credentials } from '../wire/credentials.js';

/** How the HTTP service is started; resolved, nothing left to default. */
export interface HttpOptions {
  /** Address to listen on. */
  host: string;
  /** Name or address by which clients reach it. */
  advertise: string;
  /** Ports to try, in order; 0 is any free one. */
  ports: readonly number[];
  /** Further names that it is called by: of a proxy before it, say. */
  allowedHosts: readonly string[];
  /** Other sites whose pages may ask: `https://example.com`. */
  allowedOrigins: readonly string[];
  credentials: Credentials;
  /** Largest body of a request, in bytes. */
  maxBodyBytes: number;
  /** Requests that one address may make, per second. */
  requestsPerSecond: number;
}

/** How it is started unless asked for otherwise. */
export const HTTP_DEFAULTS = { port: 5000, maxBody: '4mb', requestsPerSecond: 20_000 };
