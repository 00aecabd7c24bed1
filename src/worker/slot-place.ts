import { claimSocket } from '../host/sockets.js';
import { formatAddress, isOneMachine, type PortRange, portsOf } from '../wire/address.js';

/** Where a slot listens for streams of tasks: at a socket, or on the first of these ports that is free. */
export type SlotPlace =
  | { kind: 'socket'; address: string }
  | { kind: 'ports'; host: string; ports: readonly number[]; advertise: string };

interface Reach {
  host: string;
  advertise: string;
  ports: PortRange | undefined;
  slots: number;
}

/**
 * The places of the slots of this process. Where all clients are on this machine they are sockets, which nobody else can
 * reach; otherwise ports out of the range of the workers, which take the first ones of it, so the slots take the last.
 */
export function slotPlaces({ host, advertise, ports, slots }: Reach): SlotPlace[] {
  return Array.from({ length: slots }, (_, slot): SlotPlace => {
    if (!isOneMachine({ host, advertise }))
      return { kind: 'ports', host, ports: portsOf(ports).reverse(), advertise };
    const address = claimSocket('worker', slot);
    return address === undefined
      ? { kind: 'ports', host, ports: [0], advertise }
      : { kind: 'socket', address };
  });
}

/** What clients dial, once the slot listens on one port. */
export function addressOf(place: SlotPlace): string {
  if (place.kind === 'socket') return place.address;
  return formatAddress({ host: place.advertise, port: place.ports[0] ?? 0 });
}

/** The same place when the slot listens there, for the threads that follow: what clients were told stays true. */
export function boundTo(place: SlotPlace, port: number): SlotPlace {
  return place.kind === 'socket' ? place : { ...place, ports: [port] };
}
