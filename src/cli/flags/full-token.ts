import { PoolError } from '../../core/errors.js';
import { ensureToken } from '../../host/token.js';
import { isReadOnlyToken } from '../../wire/access.js';

/**
 * This user's token, for a pool that is to be started or for whoever asks for it.
 *
 * @throws PoolError `invalid-argument` for a read-only one: as the token of a pool it would let its holders do everything there.
 */
export function ensureFullToken(): string {
  const token = ensureToken();
  if (!isReadOnlyToken(token)) return token;
  throw new PoolError(
    'invalid-argument',
    'OFFHAND_TOKEN is a read-only token, and the one it was made from is needed here; `offhand token` prints it where OFFHAND_TOKEN is not set',
  );
}
