import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { messageOf } from '../core/errors.js';
import type { PoolFace, Service } from '../server/face.js';
import { formatAddress } from '../wire/address.js';
import { VERSION } from '../wire/protocol.js';
import { type Access, HostCheck, TokenCheck } from './guard.js';
import {
  ajvCompiler,
  fastify,
  type FastifyInstance,
  type FastifyReply,
  rateLimit,
  swagger,
} from './libraries.js';
import { EventFeed } from './event-feed.js';
import { listenOnFree } from './listen.js';
import type { HttpOptions } from './options.js';
import { headersOf, HttpError, type Problem, problemOf } from './problems.js';
import { addEventRoutes } from './routes/events.js';
import { addHealthRoutes } from './routes/health.js';
import { addOriginalRoutes } from './routes/original.js';
import { addTaskRoutes } from './routes/tasks.js';
import { addWorkerRoutes } from './routes/workers.js';
import { SCHEMAS } from './schemas.js';
import { inWords } from './validation.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
}

/** How long a client may take to send its request, in ms. */
const REQUEST_LIMIT_MS = 60_000;
/** More at a time would only wait. */
const MAX_CONNECTIONS = 2_000;

/** What the routes speak for. */
export interface Context {
  readonly pool: PoolFace;
  readonly feed: EventFeed;
  /** Aborted when the service ends: nothing is waited for any longer. */
  readonly ending: AbortSignal;
}

/** Speaks for a pool over HTTP, or HTTPS where it has a certificate. @throws PoolError when it cannot listen */
export async function startHttp(options: HttpOptions, pool: PoolFace): Promise<Service> {
  const ending = new AbortController();
  const feed = new EventFeed();
  const stopFeed = feed.follow(pool);
  const app = await createApp(options, { pool, feed, ending: ending.signal });
  const server = app.server;
  const port = await listenOnFree(server, options.host, options.ports);
  const scheme = options.credentials.tls?.cert ? 'https' : 'http';
  const address = `${scheme}://${formatAddress({ host: options.advertise, port })}`;
  pool.log.info({ address }, 'HTTP service listening');
  return {
    address,
    close: async () => {
      stopFeed();
      ending.abort();
      const closed = new Promise((resolve) => server.close(resolve));
      // Answers to those who waited leave first.
      setImmediate(() => server.closeAllConnections());
      await closed;
      await app.close();
    },
  };
}

async function createApp(options: HttpOptions, context: Context): Promise<FastifyInstance> {
  const { cert, key } = options.credentials.tls ?? {};
  const app = fastify({
    bodyLimit: options.maxBodyBytes,
    exposeHeadRoutes: false,
    // Arguments of tasks are data, whatever their fields are called; the parser below is JSON.parse.
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
    requestTimeout: REQUEST_LIMIT_MS,
    schemaErrorFormatter: (errors, part) => inWords(errors[0], part),
    frameworkErrors: (error, _, reply) =>
      void answerProblem(reply as unknown as FastifyReply, problemOf(error)),
    serverFactory: (handler) =>
      cert && key
        ? createSecureServer({ cert, key, minVersion: 'TLSv1.2' }, handler)
        : createServer({ requestTimeout: REQUEST_LIMIT_MS }, handler),
  });
  (app.server as Server).maxConnections = MAX_CONNECTIONS;
  for (const schema of SCHEMAS) app.addSchema(schema);
  addValidation(app);
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error);
    const { url } = request.routeOptions;
    if (problem.status === 500)
      context.pool.log.error({ err: error, method: request.method, url }, 'a request failed');
    return answerProblem(reply, problem);
  });
  addGuard(app, options);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'offhand',
        version: VERSION,
        description: 'A pool of workers that runs any function. docs/http.md tells the whole.',
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    refResolver: {
      buildLocalReference: (json, _base, _fragment, i) =>
        typeof json['$id'] === 'string' ? json['$id'] : `schema-${i}`,
    },
  });
  await app.register(rateLimit, {
    max: options.requestsPerSecond,
    timeWindow: 1_000,
    errorResponseBuilder: (_, { max }) =>
      new HttpError(
        429,
        'queue-full',
        `more than ${max} requests a second from one address; try again later`,
      ),
  });
  addHealthRoutes(app, context);
  addOriginalRoutes(app, context);
  addTaskRoutes(app, context);
  addWorkerRoutes(app, context);
  addEventRoutes(app, context);
  await app.ready();
  return app;
}

/** Bodies are taken at their word; what stands in a query is text, and read as what it should be. */
function addValidation(app: FastifyInstance): void {
  const factory = ajvCompiler();
  const options = { removeAdditional: false, useDefaults: true, allErrors: false } as const;
  const schemas = app.getSchemas() as Parameters<typeof factory>[0];
  const strict = factory(schemas, { customOptions: { ...options, coerceTypes: false } });
  const lenient = factory(schemas, { customOptions: { ...options, coerceTypes: true } });
  app.setValidatorCompiler((route) => (route.httpPart === 'body' ? strict : lenient)(route as never));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_, body, done) => {
    try {
      done(null, body === '' ? undefined : JSON.parse(String(body)));
    } catch (error) {
      done(new HttpError(400, 'invalid-argument', `the body is no JSON: ${messageOf(error)}`));
    }
  });
}

/** Stands before every route, and before what is none. */
function addGuard(app: FastifyInstance, options: HttpOptions): void {
  const hosts = new HostCheck(options);
  const tokens = new TokenCheck(options.credentials.token);
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('cache-control', 'no-store');
    hosts.check(request.headers.host);
    if (request.routeOptions.config.access !== 'open') tokens.check(request.headers.authorization);
    done();
  });
  app.setNotFoundHandler((request) => {
    throw new HttpError(
      404,
      'not-found',
      `there is no ${request.method} ${request.url.split('?', 1)[0]}; /openapi.json lists what there is`,
    );
  });
}

function answerProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply
    .code(problem.status)
    .headers(headersOf(problem))
    .type('application/problem+json')
    .send(JSON.stringify(problem));
}
