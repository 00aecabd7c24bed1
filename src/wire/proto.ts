import { fileURLToPath } from 'node:url';
import { type GrpcObject, loadPackageDefinition, type ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type Options, type PackageDefinition } from '@grpc/proto-loader';
import type { ProtoGrpcType as CoordinatorTypes } from './generated/coordinator.js';
import type { ProtoGrpcType as WorkerTypes } from './generated/worker.js';

const PROTO_DIR = fileURLToPath(new URL('../../proto', import.meta.url));

// The same options are given to the type generator in package.json: the types are true only while they agree.
const OPTIONS: Options = {
  longs: Number,
  enums: String,
  bytes: Buffer,
  defaults: true,
  oneofs: true,
  includeDirs: [PROTO_DIR],
};

/** The whole contract, for reflection. */
export const packageDefinition: PackageDefinition = loadSync(
  ['offhand/v1/coordinator.proto', 'offhand/v1/worker.proto'],
  OPTIONS,
);

const loaded = loadPackageDefinition(packageDefinition) as GrpcObject & CoordinatorTypes & WorkerTypes;

export const CoordinatorClient = loaded.offhand.v1.Coordinator;
export const WorkerClient = loaded.offhand.v1.Worker;
export const coordinatorService = CoordinatorClient.service as ServiceDefinition &
  typeof CoordinatorClient.service;
export const workerService = WorkerClient.service as ServiceDefinition & typeof WorkerClient.service;
