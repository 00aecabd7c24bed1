import type { FastifyInstance } from '../libraries.js';
import { answers } from '../schemas.js';
import type { Context } from '../service.js';

export function addMetricsRoute(app: FastifyInstance, { metrics }: Context): void {
  app.get(
    '/metrics',
    {
      schema: {
        summary: 'Counters, gauges and histograms for Prometheus',
        tags: ['workers'],
        response: answers({
          200: { description: 'metrics', content: { 'text/plain': { schema: { type: 'string' } } } },
        }),
      },
    },
    async (_, reply) => reply.type(metrics.contentType).send(await metrics.text()),
  );
}
