import type { ClusterDocument__Output } from './generated/offhand/v1/ClusterDocument.js';

/** A coordinator as `status --cluster --json` shows it. */
export interface ClusterMember {
  id: string;
  machine: string;
  address: string;
  /** Null where it has no HTTP service. */
  http_address: string | null;
  version: string;
  protocol: number;
  workers: number;
  slots: number;
  /** Slots that somebody has a lease on. */
  busy: number;
  /** Calls that wait for a worker of its own. */
  waiting: number;
  tags: string[];
  uptime_ms: number;
  /** Whether it is the one that was asked. */
  asked: boolean;
}

/** What GetCluster, GET /v1/cluster and `status --cluster --json` tell. */
export interface ClusterStatus {
  /** Without what is secret in it; null where the coordinator shares no store. */
  store: string | null;
  /** Whether NATS is reached; where it is not, only the coordinator that was asked is known. */
  connected: boolean;
  coordinators: ClusterMember[];
}

export function clusterStatusFrom({
  store,
  connected,
  coordinators,
}: ClusterDocument__Output): ClusterStatus {
  return {
    store: store || null,
    connected,
    coordinators: coordinators.map(({ httpAddress, uptimeMs, ...member }) => ({
      ...member,
      http_address: httpAddress || null,
      uptime_ms: uptimeMs,
    })),
  };
}
