import { type GrpcObject, loadPackageDefinition, type ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import type { ProtoGrpcType as CoordinatorTypes } from './generated/coordinator.js';
import type { ProtoGrpcType as DiscoveryTypes } from './generated/discovery.js';
import type { ProtoGrpcType as QueueTypes } from './generated/queue.js';
import type { ProtoGrpcType as WorkerTypes } from './generated/worker.js';
import { PROTO_OPTIONS } from './proto-options.js';

/** The whole contract, for reflection. */
export const packageDefinition: PackageDefinition = loadSync(
  [
    'offhand/v1/coordinator.proto',
    'offhand/v1/discovery.proto',
    'offhand/v1/worker.proto',
    'offhand/v1/slot.proto',
    'offhand/v1/values.proto',
    'offhand/v1/queue.proto',
  ],
  PROTO_OPTIONS,
);

const loaded = loadPackageDefinition(packageDefinition) as GrpcObject &
  CoordinatorTypes &
  DiscoveryTypes &
  QueueTypes &
  WorkerTypes;

export const CoordinatorClient = loaded.offhand.v1.Coordinator;
export const WorkerClient = loaded.offhand.v1.Worker;
export const DiscoveryClient = loaded.offhand.v1.Discovery;
export const QueueClient = loaded.offhand.v1.Queue;
export const coordinatorService = CoordinatorClient.service as ServiceDefinition &
  typeof CoordinatorClient.service;
export const workerService = WorkerClient.service as ServiceDefinition & typeof WorkerClient.service;
export const discoveryService = DiscoveryClient.service as ServiceDefinition & typeof DiscoveryClient.service;
export const queueService = QueueClient.service as ServiceDefinition & typeof QueueClient.service;
