import { servicesOf } from './contract.js';
import type { SlotClient as Slot, SlotDefinition } from './generated/offhand/v1/Slot.js';
import { CONTRACT } from './generated/slot-contract.js';

// Apart from the rest of the contract: the thread of a slot needs no more, and is started often.
const service = servicesOf(CONTRACT);

export const { client: SlotClient, service: slotService } = service<Slot, SlotDefinition>('Slot');
