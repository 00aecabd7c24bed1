import { POLICIES, type PolicyName } from '../../core/placement.js';
import type { FastifyInstance } from '../libraries.js';
import { answers } from '../schemas.js';
import type { Context } from '../service.js';

const COUNT = {
  type: 'object',
  additionalProperties: false,
  required: ['count'],
  properties: { count: { type: 'integer', minimum: 0, maximum: 10_000 } },
};
const POLICY = {
  type: 'object',
  additionalProperties: false,
  required: ['policy'],
  properties: { policy: { type: 'string', enum: [...POLICIES] } },
};
const WORKERS = {
  type: 'object',
  description: 'the workers',
  properties: {
    workers: { type: 'array', items: { $ref: 'Worker#' } },
    wanted: { type: 'integer', description: 'how many there are to be' },
  },
};

export function addWorkerRoutes(app: FastifyInstance, { pool }: Context): void {
  app.get(
    '/v1/workers',
    { schema: { summary: 'The workers', tags: ['workers'], response: answers({ 200: WORKERS }) } },
    async () => {
      const { workers, wanted } = await pool.status();
      return { workers, wanted };
    },
  );
  app.put<{ Body: { count: number } }>(
    '/v1/workers/count',
    {
      schema: {
        summary: 'Add or remove workers',
        description:
          'Answers when those that were missing have started. Those that are too many finish what they run.',
        tags: ['workers'],
        body: COUNT,
        response: answers({ 200: { ...COUNT, description: 'how many there are to be' } }),
      },
    },
    async ({ body }) => ({ count: await pool.scale(body.count) }),
  );
  app.put<{ Body: { policy: PolicyName } }>(
    '/v1/policy',
    {
      schema: {
        summary: 'Choose how workers are chosen',
        description: 'What runs goes on; what waits is placed anew.',
        tags: ['workers'],
        body: POLICY,
        response: answers({ 200: { ...POLICY, description: 'from now on' } }),
      },
    },
    ({ body }) => {
      pool.setPolicy(body.policy);
      return body;
    },
  );
}
