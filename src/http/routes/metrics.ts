import type { FastifyInstance } from '../libraries.js';
import { answers } from '../schemas.js';
import { AGE_HEADER, AGED, maxAgeMs, Shared } from '../shared.js';
import type { Context } from '../service.js';

export function addMetricsRoute(app: FastifyInstance, { metrics }: Context): void {
  const text = new Shared(() => metrics.text());
  app.get(
    '/metrics',
    {
      schema: {
        summary: 'Counters, gauges and histograms for Prometheus',
        description: AGED,
        tags: ['workers'],
        response: answers({
          200: { description: 'metrics', content: { 'text/plain': { schema: { type: 'string' } } } },
        }),
      },
    },
    async ({ headers }, reply) => {
      const { document, ageMs } = await text.get(maxAgeMs(headers['cache-control']));
      return reply.type(metrics.contentType).header(AGE_HEADER, ageMs.toFixed()).send(document);
    },
  );
}
