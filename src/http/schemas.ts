import { TASK_STATES } from '../core/queue/task.js';
import { RETRY_CAUSES } from '../core/retry.js';
import { TASK_ID as PATTERN } from '../core/ids.js';
import { MAX_TAGS } from '../core/tags.js';
import { MAX_DELAY_MS, MAX_GROUP_LIMIT, MAX_NAME, MAX_PRIORITY, MAX_RETRIES } from '../core/wishes.js';

const text = (description: string, more: object = {}) => ({ type: 'string', description, ...more });
const number = (description: string, more: object = {}) => ({ type: 'number', description, ...more });
const duration = (description: string) => number(description, { exclusiveMinimum: 0 });
const instant = (description: string) => text(description, { format: 'date-time' });

export const TASK_ID = text('the id of a task, 16 to 64 letters and digits', { pattern: PATTERN.source });

const PROBLEM = {
  $id: 'Problem',
  type: 'object',
  description: 'Problem details (RFC 9457)',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: text('always about:blank: the code says what it is'),
    title: text('of the status'),
    status: { type: 'integer' },
    detail: text('what was wrong, where, and what to do'),
    code: text('to branch on, see docs/errors.md'),
  },
};

const FAILURE = {
  $id: 'Failure',
  type: 'object',
  required: ['code', 'message', 'may_have_run'],
  properties: {
    code: text('a code of docs/errors.md, or `thrown` for what the function threw'),
    message: text('in words'),
    name: text('class of the error that was thrown'),
    stack: text('where it was thrown'),
    may_have_run: { type: 'boolean', description: "whether the function's code may have begun" },
  },
};

/** How a task is submitted; the same in a serialized task. */
const TASK_OPTIONS = {
  $id: 'TaskOptions',
  type: 'object',
  additionalProperties: false,
  properties: {
    name: text('what people are shown', { minLength: 1, maxLength: MAX_NAME }),
    priority: {
      type: 'integer',
      minimum: -MAX_PRIORITY,
      maximum: MAX_PRIORITY,
      description: 'higher ones first',
    },
    delay_ms: number('it does not begin before so much time has passed', {
      minimum: 0,
      maximum: MAX_DELAY_MS,
    }),
    timeout_ms: duration('how long it may run'),
    queue_timeout_ms: duration('how long it may wait for a worker'),
    deadline_ms: duration('how long all of it may take'),
    requires: {
      type: 'array',
      maxItems: MAX_TAGS,
      items: { type: 'string', maxLength: 64 },
      description: 'tags that its worker has to have, such as gpu or mem=16g; it waits for one that has',
    },
    expected_ms: duration('how long it is expected to run'),
    retries: {
      type: 'integer',
      minimum: 0,
      maximum: MAX_RETRIES,
      description: 'further attempts after the first',
    },
    retry_on: {
      type: 'array',
      maxItems: 3,
      items: { type: 'string', enum: [...RETRY_CAUSES] },
      description: 'which failures are tried again',
    },
    group: {
      type: 'object',
      additionalProperties: false,
      required: ['name', 'limit'],
      properties: {
        name: text('of the group', { minLength: 1, maxLength: MAX_NAME }),
        limit: {
          type: 'integer',
          minimum: 1,
          maximum: MAX_GROUP_LIMIT,
          description: 'so many of it run at a time',
        },
      },
    },
    after: {
      type: 'array',
      maxItems: 10_000,
      items: TASK_ID,
      description: 'tasks that have to succeed before it begins',
    },
  },
};

const NEW_TASK = {
  $id: 'NewTask',
  type: 'object',
  additionalProperties: false,
  required: ['source'],
  properties: {
    source: text('a function, as JavaScript: `(a, b) => a + b`', { minLength: 1 }),
    args: { type: 'array', items: {}, default: [], description: 'its arguments' },
    options: { $ref: 'TaskOptions#' },
  },
};

const SUBMITTED = {
  $id: 'Submitted',
  type: 'object',
  required: ['task_id'],
  properties: {
    task_id: TASK_ID,
    known: { type: 'boolean', description: 'whether it was there before, by its Idempotency-Key' },
  },
};

const TASK = {
  $id: 'Task',
  type: 'object',
  required: ['task_id', 'name', 'state', 'priority', 'client', 'attempt', 'submitted_at', 'seconds'],
  properties: {
    task_id: TASK_ID,
    name: text('for people'),
    state: { type: 'string', enum: [...TASK_STATES] },
    priority: { type: 'integer' },
    client: text('who has submitted it'),
    group: text('of which only so many run at a time'),
    key: text('its Idempotency-Key'),
    attempt: { type: 'integer', description: 'its newest, from 1; 0 where no worker has had it so far' },
    submitted_at: instant('when it came'),
    begins_at: instant('before when a pending one does not begin'),
    started_at: instant(
      'when a worker had it last; of one that another coordinator runs, when it is asked for by its id',
    ),
    settled_at: instant('when it had its outcome'),
    after: { type: 'array', items: TASK_ID, description: 'tasks that an unsettled one comes after' },
    failure: { $ref: 'Failure#' },
    earlier: {
      type: 'array',
      description:
        'attempts that failed and were made again, the newest, of a task that is asked for by its id',
      items: {
        type: 'object',
        required: ['attempt', 'failed_at', 'failure'],
        properties: {
          attempt: { type: 'integer', description: 'from 1' },
          worker: text('where it was made'),
          failed_at: instant('when it was known to have failed'),
          failure: { $ref: 'Failure#' },
        },
      },
    },
    dropped: { type: 'boolean', description: 'whether its outcome is kept no longer' },
    standing: text(
      'why one without an outcome waits, or where it runs; of a task that is asked for by its id',
    ),
    progress: {
      type: 'object',
      description: 'what one that runs has told last, of a task that is asked for by its id',
      properties: { fraction: number('from 0 to 1'), note: text('in its own words') },
    },
    source: text(
      'how its function is written, as far as people are shown it, of a task that is asked for by its id',
    ),
    preview: text('its arguments, as far as people are shown them'),
    seconds: number('how long its last attempt has run'),
    requires: { type: 'array', items: { type: 'string' }, description: 'tags that its worker has to have' },
  },
};

const OUTCOME = {
  $id: 'Outcome',
  type: 'object',
  required: ['task_id', 'state'],
  properties: {
    task_id: TASK_ID,
    state: { type: 'string', enum: [...TASK_STATES] },
    result: { description: 'what the function returned, of a task that succeeded' },
    failure: { $ref: 'Failure#' },
    seconds: number('how long it has run'),
  },
};

const WORKER = {
  $id: 'Worker',
  type: 'object',
  properties: {
    worker: text('its name, kept across restarts of its process'),
    host: { type: 'string' },
    port: { type: 'integer' },
    pid: { type: 'integer' },
    phase: text('running or draining'),
    slots: { type: 'integer' },
    busy: { type: 'boolean', description: 'whether no slot is free' },
    tasks: { type: 'array', items: { $ref: 'RunningTask#' } },
    completed: { type: 'number' },
    failed: { type: 'number' },
    tags: { type: 'array', items: { type: 'string' }, description: 'what tasks may ask for' },
    version: text('of offhand'),
    cpu_ms: number('CPU time of its process so far; 0 where it did not answer in time, as the next two'),
    uptime_ms: number('how long its process has lived'),
    rss_bytes: number('memory of its process'),
    deaths: number('how often the pool has lost a worker of this name'),
  },
};

const RUNNING_TASK = {
  $id: 'RunningTask',
  type: 'object',
  properties: {
    task_id: { type: 'string' },
    name: { type: 'string' },
    running_ms: { type: 'number' },
    remaining_ms: { type: ['number', 'null'], description: 'null where nobody knows' },
  },
};

const STATUS = {
  $id: 'Status',
  type: 'object',
  description: 'the status document, as of `offhand status --json`',
  properties: {
    workers: { type: 'array', items: { $ref: 'Worker#' } },
    queue: {
      type: 'object',
      properties: {
        pending: number('calls and submitted tasks that wait for a worker'),
        tasks: {
          type: 'array',
          items: { $ref: 'RunningTask#' },
          description: 'the first 20 of the submitted ones; GET /v1/tasks?state=pending gives all',
        },
      },
    },
    wanted: { type: 'integer', description: 'how many workers there are to be' },
    http_address: { type: ['string', 'null'] },
    policy: { type: 'string', description: 'how workers are chosen' },
    code: { type: 'string', description: 'what may run: any function, or named ones only' },
  },
};

/** Each before those that refer to it. */
export const SCHEMAS = [
  PROBLEM,
  FAILURE,
  TASK_OPTIONS,
  NEW_TASK,
  SUBMITTED,
  TASK,
  OUTCOME,
  RUNNING_TASK,
  WORKER,
  STATUS,
];

const problems = {
  description: 'why not',
  content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } },
};

/** Answers to a request: those that succeed, by status, and all others. */
export function answers(byStatus: Record<number, object>): Record<string, object> {
  return { ...byStatus, '4xx': problems, '5xx': problems };
}

/** Of this name. */
export function answer(name: string, description: string): object {
  return { description, $ref: `${name}#` };
}

export const LOCATION = { location: { type: 'string', description: 'path of the task' } };
