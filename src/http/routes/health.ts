import { HttpError } from '../problems.js';
import type { FastifyInstance } from '../libraries.js';
import { answers } from '../schemas.js';
import type { Context } from '../service.js';

const OK = { type: 'object', properties: { status: { type: 'string' } } };

/** For those who watch over processes; they need no token, and learn nothing else. */
export function addHealthRoutes(app: FastifyInstance, { pool }: Context): void {
  const schema = (summary: string) => ({
    summary,
    tags: ['health'],
    security: [],
    response: answers({ 200: { description: 'yes', ...OK } }),
  });
  app.get('/healthz', { schema: schema('Whether the coordinator lives') }, () => ({
    status: 'ok',
  }));
  app.get('/readyz', { schema: schema('Whether there are workers') }, () => {
    if (pool.isReady()) return { status: 'ok' };
    throw new HttpError(503, 'unavailable', 'no worker is attached, or the pool stops');
  });
  app.get(
    '/openapi.json',
    { schema: { summary: 'This document', tags: ['health'], response: answers({}) } },
    () => app.swagger(),
  );
}
