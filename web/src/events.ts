import { open, Refusal } from './api.js';

/** The page never needs more of what happens than it can show. */
const MOST_PER_SECOND = 20;
/** Between tries to reach a pool that does not answer, in ms. */
const RETRY_MS = 1_000;

export type Connection =
  | { kind: 'connecting' }
  | { kind: 'live' }
  /** `why` in the pool's own words, or that it does not answer. */
  | { kind: 'lost'; why: string }
  /** Nothing more is asked before somebody has logged in. */
  | { kind: 'locked'; why: string };

/** Follows what happens in the pool. Events are not read one by one: each of them means that what is shown is old. */
export function follow(
  tell: (connection: Connection) => void,
  happened: () => void,
  ending: AbortSignal,
): Promise<void> {
  const told = (connection: Connection) => {
    tell(connection);
    if (connection.kind === 'live') happened();
  };
  const hear = (text: string) => {
    if (text.includes('event:')) happened();
  };
  return listen(`/v1/events?per_second=${MOST_PER_SECOND}`, told, hear, ending);
}

/**
 * Hears a stream of events, for as long as `ending` is not aborted. An EventSource cannot send a token, so the stream is read from a
 * fetch, and opened again when it ends.
 *
 * @param hear is given the text as it comes, which may be half an event.
 */
export async function listen(
  path: string,
  tell: (connection: Connection) => void,
  hear: (text: string) => void,
  ending: AbortSignal,
): Promise<void> {
  while (!ending.aborted) {
    try {
      const { body } = await open(path, { signal: ending });
      tell({ kind: 'live' });
      const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
      for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) hear(part.value);
      tell({ kind: 'lost', why: 'the pool has ended the connection' });
    } catch (error) {
      if (ending.aborted) return;
      const why = error instanceof Error ? error.message : String(error);
      if (error instanceof Refusal && error.status === 401) return tell({ kind: 'locked', why });
      tell({ kind: 'lost', why: error instanceof Refusal ? why : 'the connection was cut' });
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
