import { messageOf, PoolError } from '../core/errors.js';
import { MAX_NAME } from '../core/wishes.js';
import { idOf } from '../wire/functions/function-id.js';
import { argumentsOf, SERIALIZED_VERSION, type SerializedTask } from '../wire/serialized-task.js';
import type { FastifyRequest } from './libraries.js';
import type { NewCall } from './new-task.js';
import { inWords } from './validation.js';

const BASE64 = { type: 'string', pattern: '^[A-Za-z0-9+/]*={0,2}$', description: 'Base64' };

/** Of what people are shown, in characters. What a client of offhand makes is shorter. */
const MAX_SHOWN = 8_192;

/** The form of a serialized task. */
const SCHEMA = {
  type: 'object',
  required: ['source', 'arguments'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: MAX_NAME },
    source: { type: 'string', minLength: 1 },
    parts: {
      type: 'array',
      maxItems: 1_000,
      items: {
        type: 'object',
        required: ['kind', 'name', 'data'],
        properties: {
          kind: { type: 'string', enum: ['DATA', 'MODULE'] },
          name: { type: 'string', maxLength: 1_000 },
          data: BASE64,
          remedy: { type: 'string', maxLength: 10_000 },
        },
      },
    },
    arguments: {
      if: { type: 'array' },
      else: { type: 'object', required: ['v8'], properties: { v8: BASE64 }, additionalProperties: false },
    },
    preview: {
      type: 'object',
      properties: {
        source: { type: 'string', maxLength: MAX_SHOWN },
        arguments: { type: 'string', maxLength: MAX_SHOWN },
      },
    },
    options: { $ref: 'TaskOptions#' },
  },
};

/** Reads what `serializeTask` has made. Nothing of it is evaluated. @throws PoolError `invalid-argument`, `version-mismatch` */
export function decodeTask(text: string, request: FastifyRequest): NewCall {
  const task = parse(text);
  const validate = request.getValidationFunction(SCHEMA) ?? request.compileValidationSchema(SCHEMA, 'body');
  if (!validate(task)) throw new PoolError('invalid-argument', inWords(validate.errors?.[0], 'task').message);
  const args = argumentsOf(task);
  const json = args.encoding === 'JSON' ? JSON.stringify(task.arguments).slice(1, -1) : '';
  return {
    source: task.source,
    name: task.name,
    parts: (task.parts ?? []).map(({ kind, name, data: base64, remedy = '' }) => {
      const data = Buffer.from(base64, 'base64');
      return { kind, id: idOf(data), name, data, remedy };
    }),
    args,
    preview: { source: task.preview?.source, arguments: task.preview?.arguments ?? json },
    options: task.options ?? {},
  };
}

function parse(text: string): SerializedTask {
  let task: Partial<SerializedTask> | null;
  try {
    task = JSON.parse(text) as Partial<SerializedTask> | null;
  } catch (error) {
    throw new PoolError(
      'invalid-argument',
      `task: expected what serializeTask gives, got no JSON: ${messageOf(error)}`,
    );
  }
  const version = typeof task === 'object' && task !== null ? task.offhand : undefined;
  if (version === undefined)
    throw new PoolError(
      'invalid-argument',
      'task: expected what serializeTask gives, with a field "offhand"',
    );
  if (version === SERIALIZED_VERSION) return task as SerializedTask;
  throw new PoolError(
    'version-mismatch',
    `task: it has version ${JSON.stringify(version).slice(0, 40)} of the form, and this pool reads ${SERIALIZED_VERSION}`,
  );
}
