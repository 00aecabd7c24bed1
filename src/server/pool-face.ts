import type { Logger } from '../host/logger.js';
import type { TaskQueue } from '../queue/index.js';
import { clusterStatusFrom } from '../wire/cluster-document.js';
import type { ClusterDocument__Output } from '../wire/generated/offhand/v1/ClusterDocument.js';
import type { StatusDocument__Output } from '../wire/generated/offhand/v1/StatusDocument.js';
import { poolStatusFrom } from '../wire/status-document.js';
import type { AttemptWatch } from './attempt-watch.js';
import type { Coordinator } from './coordinator.js';
import type { PoolFace } from './face.js';
import type { Membership } from './membership.js';
import { workerLog } from './worker-log.js';

/** What a pool's face shows that neither its coordinator nor its membership knows. */
export interface FaceParts {
  queue: TaskQueue;
  log: Logger;
  logDir: string | undefined;
  attempts: AttemptWatch;
  status(): Promise<StatusDocument__Output>;
  cluster(): Promise<ClusterDocument__Output>;
  profile: PoolFace['profile'];
  isStopping(): boolean;
}

/** The pool, for a service that lets people at it. */
export function faceOf(coordinator: Coordinator, membership: Membership, parts: FaceParts): PoolFace {
  const { queue, log, logDir, attempts, profile } = parts;
  return {
    queue,
    log,
    status: async () => poolStatusFrom(await parts.status()),
    cluster: async () => clusterStatusFrom(await parts.cluster()),
    leases: () => coordinator.leases,
    requests: () => coordinator.waiting,
    scale: (workers) => membership.scale(workers),
    drain: (worker) => membership.drain(worker),
    workerLog: (worker) => workerLog(logDir, worker, coordinator.members.called(worker)),
    profile,
    setPolicy: (policy) => (coordinator.policy = policy),
    watchAttempts: (listener) => attempts.watch(listener),
    isReady: () => !parts.isStopping() && coordinator.members.slots > 0,
    onWorkers: (listener) => {
      coordinator.listen({
        attached: ({ info }) => listener.attached(info.worker),
        gone: ({ info }) => listener.gone(info.worker),
      });
    },
  };
}
