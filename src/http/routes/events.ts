import { attemptStream } from '../attempt-stream.js';
import type { FastifyInstance } from '../libraries.js';
import { answers } from '../schemas.js';
import type { Context } from '../service.js';

export function addEventRoutes(app: FastifyInstance, { feed, pool, ending }: Context): void {
  app.get<{ Headers: { 'last-event-id'?: string }; Querystring: { per_second?: number } }>(
    '/v1/events',
    {
      schema: {
        summary: 'What happens, as server-sent events',
        description:
          'task-submitted, task-running, task-pending, task-settled, worker-attached and worker-gone. Whoever comes back with ' +
          'the id of the last event goes on after it; where too much has happened since, `gap` comes first.',
        tags: ['events'],
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: {
            per_second: {
              type: 'integer',
              minimum: 4,
              maximum: 10_000,
              description:
                'at most so many, the newest; `skipped` says how many were left out. Left out: all',
            },
          },
        },
        headers: {
          type: 'object',
          properties: { 'last-event-id': { type: 'string', description: 'of the last event that was had' } },
        },
        response: answers({
          200: { description: 'events', content: { 'text/event-stream': { schema: { type: 'string' } } } },
        }),
      },
    },
    (request, reply) =>
      reply
        .type('text/event-stream')
        .header('x-accel-buffering', 'no')
        .send(feed.stream(request.headers['last-event-id'], ending, request.query.per_second)),
  );
  app.get(
    '/v1/attempts',
    {
      schema: {
        summary: 'What the slots of the workers run, as server-sent events',
        description:
          '`attempts`, as {at_ms, attempts, skipped}: each attempt with worker, slot, task_id, name, started_ms (since 1970), state ' +
          '(running, completed or failed) and, when it has ended, run_ms; direct tasks too. What runs comes first. Of attempts shorter ' +
          'than 2 ms (more in a pool of more than 8 slots) each slot tells one in such a time, and `skipped` counts the others. ' +
          'Workers tell only while somebody listens.',
        tags: ['events'],
        response: answers({
          200: { description: 'events', content: { 'text/event-stream': { schema: { type: 'string' } } } },
        }),
      },
    },
    (_, reply) =>
      reply.type('text/event-stream').header('x-accel-buffering', 'no').send(attemptStream(pool, ending)),
  );
}
