import type { TaskSpec } from './store.js';

/** What one task alone has, where others are submitted with it. */
export type OwnOfTask = Pick<TaskSpec, 'id' | 'args' | 'preview'>;
export type CommonOfTasks = Omit<TaskSpec, keyof OwnOfTask>;

/** Field by field: there may be a million of them, and one that is copied by spreading takes ten times the memory. */
export function specOf(common: CommonOfTasks, { id, args, preview }: OwnOfTask): TaskSpec {
  return {
    id,
    client: common.client,
    name: common.name,
    functionId: common.functionId,
    args,
    results: common.results,
    after: common.after,
    priority: common.priority,
    notBefore: common.notBefore,
    submittedAt: common.submittedAt,
    key: common.key,
    group: common.group,
    requires: common.requires,
    expectedMs: common.expectedMs,
    timeoutMs: common.timeoutMs,
    queueTimeoutMs: common.queueTimeoutMs,
    deadlineAt: common.deadlineAt,
    retries: common.retries,
    retryOn: common.retryOn,
    preview,
  };
}
