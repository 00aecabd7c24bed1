import { taskId, type TaskId } from '../../core/ids.js';
import { PoolError } from '../../core/errors.js';
import { TASK_STATES, type TaskState } from '../../core/queue/task.js';
import { noSuchTask } from '../../queue/index.js';
import type { TaskRecord } from '../../queue/store.js';
import { encodePayload } from '../../wire/values/payload.js';
import { logLineDocument, explainedDocument, taskDocument } from '../documents.js';
import type { FastifyInstance, FastifyReply } from '../libraries.js';
import type { TaskOptions } from '../new-task.js';
import { outcomeAsJson, outcomeOf, streamed } from '../outcomes.js';
import { HttpError } from '../problems.js';
import { answer, answers, LOCATION, TASK_ID } from '../schemas.js';
import type { Context } from '../service.js';
import { submit, SUBMIT_HEADERS } from '../submit.js';

/** How long a result may be waited for in one request, in ms. */
const MOST_WAIT_MS = 300_000;

const ONE = { type: 'object', required: ['id'], properties: { id: TASK_ID } };
const TASK_LOCATION = { ...answer('Task', 'how it stands'), headers: LOCATION };

const LISTED = {
  type: 'object',
  description: 'newest first',
  properties: {
    tasks: { type: 'array', items: { $ref: 'Task#' } },
    cursor: { type: 'string', description: 'for the next page; absent where there is no more' },
  },
};

const FILTERS = {
  type: 'object',
  additionalProperties: false,
  properties: {
    state: {
      type: 'string',
      pattern: `^(${TASK_STATES.join('|')})(,(${TASK_STATES.join('|')}))*$`,
      description: `one or more of ${TASK_STATES.join(', ')}, with commas between them`,
    },
    name: { type: 'string' },
    group: { type: 'string' },
    client: { type: 'string', description: 'who has submitted it' },
    text: {
      type: 'string',
      minLength: 1,
      maxLength: 256,
      description:
        'stands in its name, its id, its arguments as far as people are shown them, or the message of its failure; a to z in either case',
    },
    limit: { type: 'integer', minimum: 1, maximum: 1_000, default: 100 },
    cursor: { type: 'string', pattern: '^\\d{1,16}$', description: 'the cursor of the page before' },
  },
};

const LOGS = {
  type: 'object',
  description: 'the newest 64 Ki characters',
  properties: {
    task_id: TASK_ID,
    lines: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          at: { type: 'string', format: 'date-time' },
          attempt: { type: 'integer' },
          number: { type: 'integer', description: 'from 1 in each attempt; what is missing was not kept' },
          stream: { type: 'string', enum: ['stdout', 'stderr'] },
          text: { type: 'string' },
        },
      },
    },
  },
};

interface Filters {
  state?: string;
  name?: string;
  group?: string;
  client?: string;
  text?: string;
  limit: number;
  cursor?: string;
}

interface One {
  Params: { id: string };
}

export function addTaskRoutes(app: FastifyInstance, { pool, ending }: Context): void {
  const { queue } = pool;
  const find = async (id: TaskId): Promise<TaskRecord> => {
    const [record] = await queue.find([id]);
    if (record) return record;
    throw noSuchTask(id);
  };

  app.post<{ Body: { source: string; args: unknown[]; options?: TaskOptions } }>(
    '/v1/tasks',
    {
      schema: {
        summary: 'Submit a task',
        tags: ['tasks'],
        headers: SUBMIT_HEADERS,
        body: { $ref: 'NewTask#' },
        response: answers({ 202: { ...answer('Submitted', 'the pool has it'), headers: LOCATION } }),
      },
    },
    async (request, reply) => {
      const { source, args: values, options = {} } = request.body;
      const args = encodePayload(values, 'JSON', 'args');
      const shown = Buffer.from(args.data).toString('utf8', 1, Math.min(args.data.length - 1, 4_096));
      const preview = { arguments: shown };
      return submit(pool, request, reply, { source, parts: [], args, preview, options });
    },
  );

  app.get<{ Querystring: Filters }>(
    '/v1/tasks',
    {
      schema: {
        summary: 'Tasks, newest first',
        description: 'A page may be short, or empty, and be followed by another.',
        tags: ['tasks'],
        querystring: FILTERS,
        response: answers({ 200: LISTED }),
      },
    },
    async ({ query: { state, name, group, client, text, limit, cursor } }) => {
      const states = (state?.split(',') ?? []) as TaskState[];
      const page = await queue.list({ states, name, group, client, text, limit, cursor });
      return {
        tasks: page.tasks.map(taskDocument),
        ...(page.cursor !== undefined && { cursor: page.cursor }),
      };
    },
  );

  app.get<One>(
    '/v1/tasks/:id',
    {
      schema: {
        summary: 'How a task stands',
        tags: ['tasks'],
        params: ONE,
        response: answers({ 200: answer('Task', 'how it stands') }),
      },
    },
    async ({ params }) => explainedDocument(await queue.explain(taskId(params.id))),
  );

  app.delete<One>(
    '/v1/tasks/:id',
    {
      schema: {
        summary: 'Cancel a task',
        description: 'What has settled stays as it is.',
        tags: ['tasks'],
        params: ONE,
        response: answers({
          200: answer('Task', 'it has settled'),
          202: answer('Task', 'it runs, and is being stopped'),
        }),
      },
    },
    async ({ params }, reply) => {
      const id = taskId(params.id);
      await queue.cancel([id]);
      const record = await find(id);
      void reply.code(record.settledAt === undefined ? 202 : 200);
      return taskDocument(record);
    },
  );

  app.get<One & { Querystring: { wait: number } }>(
    '/v1/tasks/:id/result',
    {
      schema: {
        summary: 'What a task came to',
        description:
          'A result that JSON cannot carry is answered by 406, which names the place in it; one that is kept no longer by 410.',
        tags: ['tasks'],
        params: ONE,
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: {
            wait: {
              type: 'integer',
              minimum: 0,
              maximum: MOST_WAIT_MS,
              default: 0,
              description: 'how long to wait for it, in ms',
            },
          },
        },
        response: answers({
          200: answer('Outcome', 'its outcome'),
          202: answer('Outcome', 'it has none yet; ask again'),
        }),
      },
    },
    async ({ params, query }, reply) => {
      const id = taskId(params.id);
      const outcome = await outcomeOf(queue, id, query.wait, [ending, closingOf(reply)]);
      const record = await find(id);
      if (!outcome) {
        void reply.code(202).header('retry-after', '1');
        return { task_id: id, state: record.state };
      }
      // The result was to be JSON, and the worker has said what of it is not.
      if (outcome.state === 'failed' && outcome.failure.code === 'not-cloneable')
        throw new HttpError(406, 'not-cloneable', outcome.failure.message);
      return sendJson(reply, await outcomeAsJson(queue, { record, outcome }));
    },
  );

  app.get<One>(
    '/v1/tasks/:id/logs',
    {
      schema: {
        summary: 'What a task has printed lately',
        description: 'Of one that runs, as far as it has come; else of its last attempt.',
        tags: ['tasks'],
        params: ONE,
        response: answers({ 200: LOGS }),
      },
    },
    async ({ params }) => {
      const id = taskId(params.id);
      return { task_id: id, lines: (await queue.logs(id)).map(logLineDocument) };
    },
  );

  app.post<One>(
    '/v1/tasks/:id/retry',
    {
      schema: {
        summary: 'Let a task that failed, or was cancelled, run again',
        tags: ['tasks'],
        params: ONE,
        response: answers({ 202: TASK_LOCATION }),
      },
    },
    async ({ params }, reply) => {
      const id = taskId(params.id);
      await queue.retry([id]).catch(asConflict);
      void reply.code(202).header('location', `/v1/tasks/${id}`);
      return taskDocument(await find(id));
    },
  );
}

/** What is JSON already. */
function sendJson(reply: FastifyReply, text: Buffer): FastifyReply {
  return reply.type('application/json; charset=utf-8').send(streamed(text));
}

/** Aborted when the caller has gone. */
function closingOf({ raw }: FastifyReply): AbortSignal {
  const closing = new AbortController();
  raw.once('close', () => closing.abort());
  return closing.signal;
}

/** The request is as it should be: it is the task that is not. */
function asConflict(error: unknown): never {
  if (error instanceof PoolError && error.code === 'invalid-argument')
    throw new HttpError(409, error.code, error.message);
  throw error;
}
