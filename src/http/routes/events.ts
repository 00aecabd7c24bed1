import type { FastifyInstance } from '../libraries.js';
import { answers } from '../schemas.js';
import type { Context } from '../service.js';

export function addEventRoutes(app: FastifyInstance, { feed, ending }: Context): void {
  app.get<{ Headers: { 'last-event-id'?: string } }>(
    '/v1/events',
    {
      schema: {
        summary: 'What happens, as server-sent events',
        description:
          'task-submitted, task-running, task-pending, task-settled, worker-attached and worker-gone. Whoever comes back with ' +
          'the id of the last event goes on after it; where too much has happened since, `gap` comes first.',
        tags: ['events'],
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
        .send(feed.stream(request.headers['last-event-id'], ending)),
  );
}
