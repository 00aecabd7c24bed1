import { servicesOf } from './contract.js';
import { CONTRACT } from './generated/contract.js';
import type {
  CoordinatorClient as Coordinator,
  CoordinatorDefinition,
} from './generated/offhand/v1/Coordinator.js';
import type { DiscoveryClient as Discovery, DiscoveryDefinition } from './generated/offhand/v1/Discovery.js';
import type { QueueClient as Queue, QueueDefinition } from './generated/offhand/v1/Queue.js';
import type { WorkerClient as Worker, WorkerDefinition } from './generated/offhand/v1/Worker.js';

const service = servicesOf(CONTRACT);

export const { client: CoordinatorClient, service: coordinatorService } = service<
  Coordinator,
  CoordinatorDefinition
>('Coordinator');
export const { client: WorkerClient, service: workerService } = service<Worker, WorkerDefinition>('Worker');
export const { client: DiscoveryClient, service: discoveryService } = service<Discovery, DiscoveryDefinition>(
  'Discovery',
);
export const { client: QueueClient, service: queueService } = service<Queue, QueueDefinition>('Queue');
