import { POLICIES, type PolicyName } from '../../core/scheduler/placement.js';
import { WORKER_NAME } from '../../core/worker-names.js';
import { workerLogDocument } from '../documents.js';
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

const ONE = {
  type: 'object',
  required: ['worker'],
  properties: {
    worker: {
      type: 'string',
      pattern: WORKER_NAME.source,
      description: 'the name of a worker, such as worker-2',
    },
  },
};
const LOG = {
  type: 'object',
  description: 'its newest lines, oldest first',
  properties: {
    worker: { type: 'string' },
    lines: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          at: { type: 'string', format: 'date-time' },
          level: { type: 'string', description: 'info, warn, …' },
          pid: { type: 'integer', description: 'of the process that has written it' },
          message: { type: 'string' },
          fields: { type: 'object', additionalProperties: true, description: 'what else stands in it' },
        },
      },
    },
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
  app.post<{ Params: { worker: string } }>(
    '/v1/workers/:worker/drain',
    {
      schema: {
        summary: 'Let a worker go',
        description:
          'It finishes what it runs, and leaves for good; nothing replaces it. Answers when it is gone.',
        tags: ['workers'],
        params: ONE,
        response: answers({ 200: { ...ONE, description: 'it is gone' } }),
      },
    },
    async ({ params: { worker } }) => {
      await pool.drain(worker);
      return { worker };
    },
  );
  app.get<{ Params: { worker: string }; Querystring: { lines: number } }>(
    '/v1/workers/:worker/log',
    {
      schema: {
        summary: "The newest lines of a worker's log",
        description:
          'Of the last 64 KiB of it, also when the worker is gone. 404 where the log is not kept on the machine of the server.',
        tags: ['workers'],
        params: ONE,
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: {
            lines: {
              type: 'integer',
              minimum: 1,
              maximum: 1_000,
              default: 200,
              description: 'how many at most',
            },
          },
        },
        response: answers({ 200: LOG }),
      },
    },
    async ({ params: { worker }, query }) => ({
      worker,
      lines: (await pool.workerLog(worker)).slice(-query.lines).map(workerLogDocument),
    }),
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
