import { loadPackageDefinition, type GrpcObject, type ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ProtoGrpcType } from './generated/slot.js';
import { PROTO_OPTIONS } from './proto-options.js';

// Apart from the rest of the contract: the thread of a slot needs no more, and is started often.
const loaded = loadPackageDefinition(loadSync('offhand/v1/slot.proto', PROTO_OPTIONS)) as GrpcObject &
  ProtoGrpcType;

export const SlotClient = loaded.offhand.v1.Slot;
export const slotService = SlotClient.service as ServiceDefinition & typeof SlotClient.service;
