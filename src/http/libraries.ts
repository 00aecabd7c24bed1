// What this room uses of others. `npm run build` bundles this file with all of it: whoever installs the package for its client
// does not install a web server along.
export { default as ajvCompiler } from '@fastify/ajv-compiler';
export { default as cors } from '@fastify/cors';
export { default as rateLimit } from '@fastify/rate-limit';
export { default as swagger } from '@fastify/swagger';
export {
  fastify,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifySchema,
  type FastifyServerFactory,
} from 'fastify';
export { Counter, Gauge, Histogram, Registry } from 'prom-client';
