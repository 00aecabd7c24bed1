import type { FastifyInstance } from '../libraries.js';
import { answers } from '../schemas.js';
import type { Context } from '../service.js';

const CODE = { type: 'string', minLength: 1, maxLength: 100, description: 'good once, and for an hour' };
const SESSION = {
  type: 'object',
  description: 'a session',
  required: ['token', 'expires_in'],
  properties: {
    token: { type: 'string', description: 'for Authorization: Bearer, in place of the token of the pool' },
    expires_in: { type: 'integer', description: 'in s' },
  },
};
const ACCESS = {
  type: 'object',
  description: 'what it is good for',
  required: ['access'],
  properties: {
    access: { type: 'string', enum: ['read', 'full'], description: '`read`: for what changes nothing' },
  },
};
const LINK = {
  type: 'object',
  description: 'a way in',
  required: ['code', 'link'],
  properties: { code: CODE, link: { type: 'string', description: 'to be opened in a browser' } },
};

/** How a browser comes in without being told the token of the pool. */
export function addLoginRoutes(app: FastifyInstance, { sessions, entry, linkWith }: Context): void {
  app.post<{ Body: { code: string } }>(
    '/login',
    {
      schema: {
        summary: 'Exchange a code for a session',
        tags: ['login'],
        security: [],
        body: { type: 'object', additionalProperties: false, required: ['code'], properties: { code: CODE } },
        response: answers({ 200: SESSION }),
      },
    },
    ({ body }) => sessions.exchange(body.code),
  );
  app.get(
    '/v1/access',
    {
      schema: {
        summary: 'What the token of this request is good for',
        tags: ['login'],
        response: answers({ 200: ACCESS }),
      },
    },
    ({ headers }) => ({ access: entry.accessOf(headers.authorization) }),
  );
  app.post(
    '/v1/login_codes',
    {
      schema: { summary: 'Make a link to log in by', tags: ['login'], response: answers({ 201: LINK }) },
    },
    (_, reply) => {
      const code = sessions.newCode();
      void reply.code(201);
      return { code, link: linkWith(code) };
    },
  );
}
