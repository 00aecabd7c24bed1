import type { FastifyInstance } from '../libraries.js';
import { answers } from '../schemas.js';
import type { Context } from '../service.js';
import { AGE_HEADER, AGED, maxAgeMs, Shared } from '../shared.js';

const MEMBER = {
  type: 'object',
  properties: {
    id: { type: 'string', description: 'of this life of it' },
    machine: { type: 'string', description: 'name of its machine' },
    address: { type: 'string', description: 'host:port that clients dial' },
    http_address: { type: ['string', 'null'], description: 'URL of its HTTP service' },
    version: { type: 'string', description: 'of offhand' },
    protocol: { type: 'integer' },
    workers: { type: 'integer' },
    slots: { type: 'integer' },
    busy: { type: 'integer', description: 'slots that somebody has a lease on' },
    waiting: { type: 'integer', description: 'calls that wait for a worker of its own' },
    tags: { type: 'array', items: { type: 'string' }, description: 'what at least one of its workers has' },
    uptime_ms: { type: 'number' },
    asked: { type: 'boolean', description: 'whether it is the one that was asked' },
  },
};
const CLUSTER = {
  type: 'object',
  description: 'the coordinators',
  properties: {
    store: {
      type: ['string', 'null'],
      description: 'the NATS cluster that they share; null where there is none',
    },
    connected: {
      type: 'boolean',
      description: 'whether NATS is reached; where it is not, only the one that was asked is known',
    },
    coordinators: { type: 'array', items: MEMBER },
  },
};

export function addClusterRoute(app: FastifyInstance, { pool }: Context): void {
  const cluster = new Shared(() => pool.cluster());
  app.get(
    '/v1/cluster',
    {
      schema: {
        summary: 'The coordinators that share a store',
        description: `All that share a NATS cluster with this one; itself alone where it shares none. ${AGED}`,
        tags: ['workers'],
        response: answers({ 200: CLUSTER }),
      },
    },
    async (request, reply) => {
      const { document, ageMs } = await cluster.get(maxAgeMs(request.headers['cache-control']));
      void reply.header(AGE_HEADER, Math.round(ageMs));
      return document;
    },
  );
}
