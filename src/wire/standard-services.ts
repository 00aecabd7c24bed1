import { fileURLToPath } from 'node:url';
import type { Server } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';

/** The whole contract, as reflection describes it. */
const CONTRACT = ['coordinator', 'discovery', 'worker', 'slot', 'queue'].map(
  (name) => `offhand/v1/${name}.proto`,
);
const INCLUDE_DIRS = [fileURLToPath(new URL('../../proto', import.meta.url))];

/** Health checking and reflection, which tools expect of a server. */
export function addStandardServices(server: Server): void {
  new HealthImplementation({ '': 'SERVING' }).addToServer(server);
  new ReflectionService(loadSync(CONTRACT, { includeDirs: INCLUDE_DIRS })).addToServer(server);
}
