import { PoolError } from '../../core/errors.js';
import type { FastifyInstance } from '../libraries.js';
import { answers } from '../schemas.js';
import type { Context } from '../service.js';

export function addProfileRoute(app: FastifyInstance, { pool }: Context): void {
  app.get<{ Querystring: { last_ms?: number } }>(
    '/v1/profile',
    {
      schema: {
        summary: 'The profile of the run so far',
        description:
          'What every worker did, a row for each sample, as `profiling/results_<workers>.csv` has it. Rows come a second late. 404 where no profile is written.',
        tags: ['workers'],
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: {
            last_ms: {
              type: 'number',
              exclusiveMinimum: 0,
              description: 'only the rows of this time, counted back from the last one',
            },
          },
        },
        response: answers({
          200: { description: 'the rows', content: { 'text/csv': { schema: { type: 'string' } } } },
        }),
      },
    },
    async ({ query }, reply) => {
      const profile = await pool.profile(query.last_ms);
      if (!profile)
        throw new PoolError(
          'not-found',
          'this pool writes no profile; it would, were its server started without --no-profile',
        );
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-length', profile.bytes)
        .header('content-disposition', `attachment; filename="${profile.name.replace(/[^\w.-]/g, '_')}"`)
        .send(profile.csv);
    },
  );
}
