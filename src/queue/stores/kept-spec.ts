import type { TaskSpec } from '../store.js';

/** A task without its arguments. */
export type KeptSpec = Omit<TaskSpec, 'args'>;

/**
 * Fields without a value are not written, and come back undefined. Field by field, so that all specs have one shape: a spread
 * takes several times as long, and a store may hold a million of them.
 */
export function specOfWritten(spec: KeptSpec & { requires?: readonly string[] }): KeptSpec {
  return {
    id: spec.id,
    client: spec.client,
    name: spec.name,
    functionId: spec.functionId,
    results: spec.results,
    after: spec.after,
    priority: spec.priority,
    notBefore: spec.notBefore,
    submittedAt: spec.submittedAt,
    key: spec.key,
    group: spec.group,
    requires: spec.requires ?? [],
    expectedMs: spec.expectedMs,
    timeoutMs: spec.timeoutMs,
    queueTimeoutMs: spec.queueTimeoutMs,
    deadlineAt: spec.deadlineAt,
    retries: spec.retries,
    retryOn: spec.retryOn,
    preview: spec.preview,
  };
}
