import type { Account } from './account.js';
import { SLICE_MS } from './lease.js';
import type { Slot } from './registry.js';
import type { WaitingLine } from './waiting-line.js';

/**
 * The slot to ask back for a client that waits, or when to look again. At once one of a client that holds two more than it,
 * else one of the client that is furthest ahead of it, as soon as that is a slice of slot time.
 *
 * @param revoked how many slots are on their way from one client to another.
 */
export function slotToRevoke(
  waiter: Account,
  line: Pick<WaitingLine, 'holders' | 'clients'>,
  revoked: number,
  now: number,
): { slot?: Slot | undefined; at?: number | undefined } {
  let at: number | undefined;
  let ahead: Account | undefined;
  for (const holder of line.holders()) {
    if (holder === waiter) continue;
    if (holder.revocable.size >= waiter.leases + revoked + 2) return { slot: holder.revocable.first };
    const lead = holder.slotTimeMs(now) - waiter.slotTimeMs(now);
    if (lead >= SLICE_MS) {
      if (!ahead || holder.slotTimeMs(now) > ahead.slotTimeMs(now)) ahead = holder;
    } else if (holder.leases > waiter.leases) {
      const due = now + Math.max(1, (SLICE_MS - lead) / (holder.leases - waiter.leases));
      at = Math.min(at ?? due, due);
    }
  }
  // One slot for each client that waits: they are all behind, but not every one of them by this much.
  if (ahead && revoked < line.clients) return { slot: ahead.revocable.first };
  return { at };
}
