import { parseLimitMs } from '../core/duration.js';
import { PoolError } from '../core/errors.js';
import { checkPriority } from '../core/wishes.js';

/** What a script says of itself: `// offhand: priority=10 timeout=30s retries=2` among the comments at its top. */
export interface Header {
  priority?: number;
  timeoutMs?: number;
  /** Further attempts after the first, when one fails. */
  retries?: number;
}

const MAX_RETRIES = 1_000;

/**
 * @param name of the script, for messages
 * @param top the beginning of its text
 * @throws PoolError `invalid-argument`, naming the script, the line and what is wrong with it
 */
export function parseHeader(name: string, top: string): Header {
  const header: Header = {};
  for (const [index, line] of top.split('\n').entries()) {
    const text = line.trim();
    if (text === '') continue;
    // Whatever is no comment ends the top of a script.
    if (!/^(#|\/\/|\/\*|\*)/.test(text)) break;
    const settings = /^(?:#|\/\/|\/?\*+)\s*offhand:(.*?)(?:\*\/.*)?$/.exec(text)?.[1];
    if (settings === undefined) continue;
    for (const setting of settings.trim().split(/\s+/)) {
      read(header, setting, `${name}:${index + 1}`);
    }
  }
  return header;
}

function read(header: Header, setting: string, where: string): void {
  const [, key, value = ''] = /^(\w+)=(.+)$/.exec(setting) ?? [];
  switch (key) {
    case 'priority':
      checkPriority(/^-?\d+$/.test(value) ? Number(value) : value, `${where}: priority`);
      header.priority = Number(value);
      return;
    case 'timeout':
      header.timeoutMs = parseLimitMs(value, `${where}: timeout`);
      return;
    case 'retries': {
      const retries = /^\d+$/.test(value) ? Number(value) : Number.NaN;
      if (!(retries <= MAX_RETRIES))
        throw new PoolError(
          'invalid-argument',
          `${where}: retries: expected a whole number up to ${MAX_RETRIES}, got ${value}`,
        );
      header.retries = retries;
      return;
    }
    default:
      throw new PoolError(
        'invalid-argument',
        `${where}: expected priority=N, timeout=30s or retries=N after \`offhand:\`, got ${JSON.stringify(setting)}`,
      );
  }
}
