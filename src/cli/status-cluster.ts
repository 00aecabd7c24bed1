import type { ClusterMember, ClusterStatus } from '../wire/cluster-document.js';
import { VERSION } from '../wire/protocol.js';
import { counted, tableLines } from './table.js';

/** All coordinators that share a store, one a row. */
export function clusterTable({ store, connected, coordinators }: ClusterStatus): string {
  const lines = tableLines(
    ['machine', 'coordinator', 'version', 'workers', 'slots', 'busy', 'waiting', 'up', 'tags'],
    coordinators.map(row),
    { numbers: ['workers', 'slots', 'busy', 'waiting', 'up'] },
  );
  return [...lines, sumLine(coordinators), ...storeLines(store, connected)].join('\n');
}

function row(member: ClusterMember): string[] {
  const { machine, address, version, workers, slots, busy, waiting, uptime_ms: ms, tags, asked } = member;
  return [
    machine,
    asked ? `${address} (asked)` : address,
    version === VERSION ? version : `${version} (this is ${VERSION})`,
    ...[workers, slots, busy, waiting].map(String),
    span(ms),
    tags.join(', '),
  ];
}

function sumLine(coordinators: readonly ClusterMember[]): string {
  const sum = (of: (member: ClusterMember) => number) =>
    coordinators.reduce((total, member) => total + of(member), 0);
  const all = [
    counted(coordinators.length, 'coordinator'),
    counted(
      sum(({ workers }) => workers),
      'worker',
    ),
  ];
  return `${all.join(', ')}, ${sum(({ busy }) => busy)} of ${sum(({ slots }) => slots)} slots busy`;
}

function storeLines(store: string | null, connected: boolean): string[] {
  if (store === null) return ['it shares no store: it was started without --store nats://…'];
  if (connected) return [`they share ${store}`];
  return [`${store} is not reached from there, so others are not known; it is tried again and again`];
}

/** Two figures are enough: 3 h 20 min. */
function span(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
