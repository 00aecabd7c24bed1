import { taskId } from '../../core/ids.js';
import { decodeTask } from '../serialized.js';
import type { FastifyInstance } from '../libraries.js';
import { allOutcomes, listed, outcomeOf } from '../outcomes.js';
import { answer, answers, LOCATION, TASK_ID } from '../schemas.js';
import type { Context } from '../service.js';
import { AGE_HEADER, AGED, maxAgeMs, Shared } from '../shared.js';
import { submit, SUBMIT_HEADERS } from '../submit.js';

const JSON_TYPE = 'application/json; charset=utf-8';

const RESULTS = {
  type: 'object',
  description: 'what has settled and is kept, in the order in which it did',
  properties: { results: { type: 'array', items: { $ref: 'Outcome#' } } },
};

/** The three routes by which a task is left, fetched and watched with as little as can be. */
export function addOriginalRoutes(app: FastifyInstance, { pool, ending }: Context): void {
  const status = new Shared(async () => JSON.stringify(await pool.status()));
  app.post<{ Body: { task: string } }>(
    '/submit_task',
    {
      schema: {
        summary: 'Submit a task that serializeTask has made',
        tags: ['tasks'],
        headers: SUBMIT_HEADERS,
        body: {
          type: 'object',
          additionalProperties: false,
          required: ['task'],
          properties: { task: { type: 'string', description: 'what `serializeTask(fn, …args)` gave' } },
        },
        response: answers({ 202: { ...answer('Submitted', 'the pool has it'), headers: LOCATION } }),
      },
    },
    async (request, reply) => submit(pool, request, reply, decodeTask(request.body.task, request)),
  );
  app.get<{ Querystring: { task_id?: string } }>(
    '/get_results',
    {
      schema: {
        summary: 'What tasks came to',
        description: 'All outcomes that are kept, or that of one task. Reading removes none.',
        tags: ['tasks'],
        querystring: { type: 'object', additionalProperties: false, properties: { task_id: TASK_ID } },
        response: answers({ 200: RESULTS }),
      },
    },
    async ({ query }, reply) => {
      void reply.type(JSON_TYPE);
      if (query.task_id === undefined) return reply.send(allOutcomes(pool.queue, ending));
      const id = taskId(query.task_id);
      const outcome = await outcomeOf(pool.queue, id, 0, []);
      const [record] = await pool.queue.find([id]);
      const text = outcome && record ? await listed(pool.queue, { record, outcome }) : '';
      return reply.send(`{"results":[${String(text)}]}`);
    },
  );
  app.get(
    '/status',
    {
      schema: {
        summary: 'The workers and the queue',
        description: AGED,
        tags: ['workers'],
        response: answers({ 200: answer('Status', 'how the pool stands') }),
      },
    },
    async ({ headers }, reply) => {
      const { document, ageMs } = await status.get(maxAgeMs(headers['cache-control']));
      return reply.type(JSON_TYPE).header(AGE_HEADER, ageMs.toFixed()).send(document);
    },
  );
}
