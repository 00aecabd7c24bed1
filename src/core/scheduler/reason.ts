import type { WorkerId } from '../ids.js';
import type { PolicyName } from './placement.js';

/** Why a request got its slot, and when. */
export interface GrantReason {
  policy: PolicyName;
  /** How long it waited, in ms. */
  waitedMs: number;
  /** How many requests of its priority or higher waited when it came. */
  ahead: number;
  /** The worker that it was bound to, under a policy that looks ahead, if it had to wait. */
  boundTo?: WorkerId | undefined;
  /** Under such a policy: those that fit and had least to do, at that instant, with what they had left per slot. */
  candidates?: { worker: WorkerId; remainingMs: number }[] | undefined;
}

/** For people. @param nameOf what they know a worker by; its id where left out. */
export function reasonInWords(
  { policy, waitedMs, ahead, boundTo, candidates }: GrantReason,
  nameOf: (worker: WorkerId) => string = (worker) => worker,
): string {
  const waited = waitedMs === 0 ? 'at once' : `after ${Math.round(waitedMs)} ms behind ${ahead} others`;
  const bound = boundTo === undefined ? '' : `, bound to ${nameOf(boundTo)}`;
  const work = (candidates ?? []).map(
    ({ worker, remainingMs }) => `${nameOf(worker)} ${Math.round(remainingMs)} ms`,
  );
  return `${policy}: ${waited}${bound}${work.length > 0 ? `; work left: ${work.join(', ')}` : ''}`;
}
