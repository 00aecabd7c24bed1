import type { ClientId } from '../core/ids.js';
import type { WorkerLink } from './worker-link.js';

/** What others may want to hear of. */
export interface CoordinatorEvents {
  attached(link: WorkerLink): void;
  /** A worker is gone for good, whether it left, ended or fell silent; what it last reported is still known. */
  gone(link: WorkerLink): void;
  /** It says nothing, but its process may live. */
  silent(link: WorkerLink): void;
  /** The number of slots has changed. */
  capacity(): void;
  /** A client asks for a worker. */
  asked(client: ClientId): void;
  /** Somebody waits after something happened. */
  contention(now: number): void;
}
