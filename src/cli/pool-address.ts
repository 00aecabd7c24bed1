import { randomUUID } from 'node:crypto';
import { findAddress } from '../client/connect.js';
import { CoordinatorLink } from '../client/coordinator-link.js';
import { checkToken, findToken } from '../host/token.js';

/** The flag by which every command that talks to a pool says which one. */
export const addressOption = {
  address: { type: 'string', describe: 'host:port of the pool  [default: the one on this machine]' },
} as const;

/** Connects to the coordinator for as long as the action takes. */
export async function withCoordinator<T>(
  address: string | undefined,
  action: (coordinator: CoordinatorLink) => Promise<T>,
): Promise<T> {
  const coordinator = new CoordinatorLink(findAddress(address), checkToken(findToken()), randomUUID());
  try {
    await coordinator.handshake();
    return await action(coordinator);
  } finally {
    coordinator.close();
  }
}
