import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { messageOf } from '../core/errors.js';
import type { PoolFace, Service } from '../server/face.js';
import { accessTo } from '../wire/access.js';
import { formatAddress } from '../wire/address.js';
import { VERSION } from '../wire/protocol.js';
import { Entry, HostCheck, OriginCheck, SAFETY_HEADERS } from './guard.js';
import {
  ajvCompiler,
  cors,
  fastify,
  type FastifyInstance,
  type FastifyReply,
  rateLimit,
  swagger,
} from './libraries.js';
import { EventFeed } from './event-feed.js';
import { listenOnFree } from './listen.js';
import { Metrics } from './metrics.js';
import type { HttpOptions } from './options.js';
import { bodyTooLarge, headersOf, HttpError, isBodyTooLarge, type Problem, problemOf } from './problems.js';
import { addClusterRoute } from './routes/cluster.js';
import { addEventRoutes } from './routes/events.js';
import { addHealthRoutes } from './routes/health.js';
import { addMetricsRoute } from './routes/metrics.js';
import { addLoginRoutes } from './routes/login.js';
import { addOriginalRoutes } from './routes/original.js';
import { addPage } from './routes/page.js';
import { addProfileRoute } from './routes/profile.js';
import { addTaskRoutes } from './routes/tasks.js';
import { addWorkerRoutes } from './routes/workers.js';
import { SCHEMAS } from './schemas.js';
import { Sessions } from './sessions.js';
import { inWords } from './validation.js';

/** How long a client may take to send its request, in ms. */
const REQUEST_LIMIT_MS = 60_000;
/** More at a time would only wait. */
const MAX_CONNECTIONS = 2_000;

/** What the routes speak for. */
export interface Context {
  readonly pool: PoolFace;
  readonly feed: EventFeed;
  readonly metrics: Metrics;
  /** Aborted when the service ends: nothing is waited for any longer. */
  readonly ending: AbortSignal;
  readonly sessions: Sessions;
  readonly entry: Entry;
  /** What is opened in a browser to log in by a code. */
  readonly linkWith: (code: string) => string;
}

function schemeOf({ credentials }: HttpOptions): 'http' | 'https' {
  return credentials.tls?.cert ? 'https' : 'http';
}

/** Speaks for a pool over HTTP, or HTTPS where it has a certificate. @throws PoolError when it cannot listen */
export async function startHttp(options: HttpOptions, pool: PoolFace): Promise<Service> {
  const ending = new AbortController();
  const feed = new EventFeed();
  const stopFeed = feed.follow(pool);
  const metrics = new Metrics(pool);
  const stopMetrics = metrics.follow();
  const sessions = new Sessions(options.credentials.token);
  let address = '';
  const linkWith = (code: string) => `${address}/#code=${code}`;
  const entry = new Entry(options.credentials.token, sessions);
  const context = { pool, feed, metrics, ending: ending.signal, sessions, entry, linkWith };
  const app = await createApp(options, context);
  const server = app.server;
  const port = await listenOnFree(server, options.host, options.ports);
  address = `${schemeOf(options)}://${formatAddress({ host: options.advertise, port })}`;
  pool.log.info({ address }, 'HTTP service listening');
  return {
    address,
    link: options.credentials.token === undefined ? address : linkWith(sessions.newCode()),
    close: async () => {
      stopFeed();
      stopMetrics();
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
  const { cert, key, clientCa } = options.credentials.tls ?? {};
  const callers = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  const app = fastify({
    bodyLimit: options.maxBodyBytes,
    exposeHeadRoutes: false,
    // What is too long for a name is refused as one that is none.
    routerOptions: { maxParamLength: 4_096 },
    // Arguments of tasks are data, whatever their fields are called; the parser below is JSON.parse.
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
    requestTimeout: REQUEST_LIMIT_MS,
    schemaErrorFormatter: (errors, part) => inWords(errors[0], part),
    frameworkErrors: (error, _, reply) =>
      void answerProblem(reply as unknown as FastifyReply, problemOf(error)),
    serverFactory: (handler) =>
      cert && key
        ? createSecureServer({ cert, key, ...callers, minVersion: 'TLSv1.2' }, handler)
        : createServer({ requestTimeout: REQUEST_LIMIT_MS }, handler),
  });
  (app.server as Server).maxConnections = MAX_CONNECTIONS;
  for (const schema of SCHEMAS) app.addSchema(schema);
  addValidation(app);
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(isBodyTooLarge(error) ? bodyTooLarge(options.maxBodyBytes) : error);
    const { url } = request.routeOptions;
    if (problem.status === 500)
      context.pool.log.error({ err: error, method: request.method, url }, 'a request failed');
    return answerProblem(reply, problem);
  });
  await addGuard(app, options, context.entry);
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
  addProfileRoute(app, context);
  addClusterRoute(app, context);
  addEventRoutes(app, context);
  addMetricsRoute(app, context);
  addLoginRoutes(app, context);
  addPage(app);
  await app.ready();
  return app;
}

/** Bodies are taken at their word; what stands in a query is text, and read as what it should be. */
function addValidation(app: FastifyInstance): void {
  const factory = ajvCompiler();
  const options = { removeAdditional: false, useDefaults: true, allErrors: false, verbose: true } as const;
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
async function addGuard(app: FastifyInstance, options: HttpOptions, entry: Entry): Promise<void> {
  const hosts = new HostCheck(options);
  const origins = new OriginCheck(options);
  const scheme = schemeOf(options);
  app.addHook('onRequest', (request, reply, done) => {
    void reply.headers(SAFETY_HEADERS);
    hosts.check(request.headers.host);
    origins.check(request.method, scheme, request.headers);
    done();
  });
  // Before a page of another site sends the token its browser asks whether it may.
  if (options.allowedOrigins.length > 0)
    await app.register(cors, {
      origin: [...options.allowedOrigins],
      methods: ['GET', 'POST', 'PUT', 'DELETE'],
      allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'client-id', 'last-event-id'],
      exposedHeaders: ['location', 'retry-after'],
    });
  app.addHook('onRequest', (request, _, done) => {
    // Whoever may read may be told that there is nothing to be read.
    const needed = request.is404 ? 'read' : accessTo(`${request.method} ${request.routeOptions.url}`);
    entry.check(request.headers.authorization, needed);
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
