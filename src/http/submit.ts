import type { PoolFace } from '../server/face.js';
import { messageOf, PoolError } from '../core/errors.js';
import { MAX_NAME } from '../core/wishes.js';
import { checkSize, MAX_SOURCE_BYTES } from '../wire/values/size-limit.js';
import type { FastifyReply, FastifyRequest } from './libraries.js';
import { type NewCall, newTask, type Submitter } from './new-task.js';

/** The header by which a task that is sent again is known. */
export const SUBMIT_HEADERS = {
  type: 'object',
  properties: {
    'idempotency-key': {
      type: 'string',
      minLength: 1,
      maxLength: MAX_NAME,
      description:
        'while the pool keeps a task with this key, the same key gives that task instead of a new one',
    },
    'client-id': {
      type: 'string',
      maxLength: 256,
      description: 'who submits: clients take turns. Left out: the address of the caller',
    },
  },
};

/** Leaves a task with the pool, and says where it is. */
export async function submit(
  { queue }: PoolFace,
  request: FastifyRequest,
  reply: FastifyReply,
  call: NewCall,
): Promise<{ task_id: string; known: boolean }> {
  checkSize(call.source.length, 'source', MAX_SOURCE_BYTES);
  const { spec, fn } = newTask(call, submitterOf(request), Date.now());
  const [added] = await queue.submit([spec], [fn]).catch((error: unknown) => {
    throw asRefusal(error);
  });
  const task_id = added?.id ?? spec.id;
  reply.code(202).header('location', `/v1/tasks/${task_id}`);
  return { task_id, known: added?.isNew === false };
}

function submitterOf({ headers, ip }: FastifyRequest): Submitter {
  const client = headers['client-id'];
  const key = headers['idempotency-key'];
  return {
    client: typeof client === 'string' && client !== '' ? client : `http ${ip}`,
    key: typeof key === 'string' ? key : undefined,
  };
}

/** A task that is to come after one that is not there is a bad request: what was asked for is there. */
function asRefusal(error: unknown): unknown {
  if (error instanceof PoolError && error.code === 'not-found')
    return new PoolError('invalid-argument', messageOf(error), { cause: error });
  return error;
}
