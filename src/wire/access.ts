import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a call needs: nothing, at least the read-only token, or the token of the pool. */
export type Access = 'open' | 'read' | 'full';

/**
 * What may be called with less than the pool's token, over gRPC by its method and over HTTP by its route. What is not named
 * here needs the token, so a new method or route that is forgotten lets nobody in.
 */
const LESS_THAN_FULL = new Map<string, Exclude<Access, 'full'>>([
  // Says whether there is a pool, and nothing of it.
  ['/grpc.health.v1.Health/Check', 'open'],
  ['/grpc.health.v1.Health/List', 'open'],
  ['/grpc.health.v1.Health/Watch', 'open'],
  ['GET /healthz', 'open'],
  ['GET /readyz', 'open'],
  // These calls show that they know the token without sending it.
  ['/offhand.v1.Discovery/Meet', 'open'],
  ['/offhand.v1.Discovery/Adopt', 'open'],
  // A page that holds nothing, and the exchange of a code that is good once.
  ['GET /', 'open'],
  ['GET /charts.js', 'open'],
  ['GET /page.js', 'open'],
  ['GET /page.css', 'open'],
  ['GET /icon.svg', 'open'],
  ['POST /login', 'open'],

  ['/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', 'read'],
  ['/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo', 'read'],
  ['/offhand.v1.Coordinator/Handshake', 'read'],
  ['/offhand.v1.Coordinator/GetStatus', 'read'],
  ['/offhand.v1.Coordinator/GetCluster', 'read'],
  ['/offhand.v1.Worker/GetState', 'read'],
  ['/offhand.v1.Queue/Get', 'read'],
  ['/offhand.v1.Queue/Explain', 'read'],
  ['/offhand.v1.Queue/Logs', 'read'],
  ['/offhand.v1.Queue/List', 'read'],
  ['/offhand.v1.Queue/Result', 'read'],
  ['/offhand.v1.Queue/Watch', 'read'],
  ['GET /openapi.json', 'read'],
  ['GET /status', 'read'],
  ['GET /get_results', 'read'],
  ['GET /v1/tasks', 'read'],
  ['GET /v1/tasks/:id', 'read'],
  ['GET /v1/tasks/:id/result', 'read'],
  ['GET /v1/tasks/:id/logs', 'read'],
  ['GET /v1/workers', 'read'],
  ['GET /v1/workers/:worker/log', 'read'],
  ['GET /v1/cluster', 'read'],
  ['GET /v1/access', 'read'],
  ['GET /v1/profile', 'read'],
  ['GET /v1/events', 'read'],
  ['GET /v1/attempts', 'read'],
  ['GET /metrics', 'read'],
]);

/** @param name of a gRPC method (`/offhand.v1.Queue/Get`) or of a route (`GET /v1/tasks/:id`). */
export function accessTo(name: string): Access {
  return LESS_THAN_FULL.get(name) ?? 'full';
}

/** By this a read-only token is told from one that can do everything; no token that offhand makes has a dot. */
const READ_ONLY_PREFIX = 'ro.';

/**
 * The read-only token of a pool with this token. It follows from it, so there is one secret to keep and to replace; nothing leads
 * back from a token that is random.
 */
export function readOnlyToken(token: string): string {
  return READ_ONLY_PREFIX + createHmac('sha256', token).update('offhand/read-only').digest('base64url');
}

export function isReadOnlyToken(token: string): boolean {
  return token.startsWith(READ_ONLY_PREFIX);
}

/** Tells what a token may do. Takes the same time for whatever has the length of a token, which is no secret. */
export class TokenCheck {
  readonly #full: Buffer;
  readonly #read: Buffer;

  /** @param token of the pool. */
  constructor(token: string) {
    this.#full = Buffer.from(token);
    this.#read = Buffer.from(readOnlyToken(token));
  }

  /** @returns undefined for a token that is neither. */
  accessOf(token: string): 'read' | 'full' | undefined {
    const given = Buffer.from(token);
    const [isFull, isRead] = [isSame(given, this.#full), isSame(given, this.#read)];
    if (isFull) return 'full';
    return isRead ? 'read' : undefined;
  }
}

function isSame(given: Buffer, expected: Buffer): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** The token in the value of `authorization`; empty where there is none. */
export function bearerOf(authorization: string | undefined): string {
  return /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? '';
}
