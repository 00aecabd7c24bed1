import { loadPackageDefinition, type GrpcObject, type ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ProtoGrpcType as SlotTypes } from './generated/slot.js';
import type { ProtoGrpcType as ValuesTypes } from './generated/values.js';
import { PROTO_OPTIONS } from './proto-options.js';

// Apart from the rest of the contract: the thread of a slot needs no more, and is started often.
const loaded = loadPackageDefinition(
  loadSync(['offhand/v1/slot.proto', 'offhand/v1/values.proto'], PROTO_OPTIONS),
) as GrpcObject & SlotTypes & ValuesTypes;

export const SlotClient = loaded.offhand.v1.Slot;
export const ValuesClient = loaded.offhand.v1.Values;
export const slotService = SlotClient.service as ServiceDefinition & typeof SlotClient.service;
export const valuesService = ValuesClient.service as ServiceDefinition & typeof ValuesClient.service;
