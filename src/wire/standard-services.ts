import type { Server } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import { packageDefinition } from './proto.js';

/** Health checking and reflection, which tools expect of a server. */
export function addStandardServices(server: Server): void {
  new HealthImplementation({ '': 'SERVING' }).addToServer(server);
  new ReflectionService(packageDefinition).addToServer(server);
}
