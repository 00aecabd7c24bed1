import { useEffect, useState } from 'preact/hooks';
import { ask, open } from './api.js';
import type { Status } from './documents.js';
import { type Connection, follow } from './events.js';
import { type Counters, countersFrom, type Sample, sampleBetween, withSample } from './samples.js';

/** Calls that are not submitted give no events, so their workers are looked at this often, in ms. */
const LOOK_MS = 1_000;

/** Over so many looks a rate is taken. */
const RATE_LOOKS = 5;

export interface Pool {
  connection: Connection;
  /** Undefined before the first look. */
  status: Status | undefined;
  samples: Sample[];
  /** Rises when something has happened that a list may show; at most once a look. */
  news: number;
}

/** How the pool stands, for as long as the page is shown. */
export function usePool(): Pool {
  const [pool, setPool] = useState<Pool>({
    connection: { kind: 'connecting' },
    status: undefined,
    samples: [],
    news: 0,
  });
  useEffect(() => {
    const ending = new AbortController();
    const { signal } = ending;
    let isOld = true;
    let connection: Connection = { kind: 'connecting' };
    /** The newest last; a rate is that of a few seconds, as single tasks would make it jump. */
    let before: Counters[] = [];
    const tell = (next: Connection) => {
      connection = next;
      // What was counted before the server went says nothing of the time since.
      if (next.kind !== 'live') before = [];
      setPool((pool) => ({ ...pool, connection }));
    };
    const look = async () => {
      if (connection.kind !== 'live' || document.hidden) return;
      const [status, metrics] = await Promise.all([
        ask<Status>('/status', { signal }),
        open('/metrics', { signal }).then((response) => response.text()),
      ]);
      const now = countersFrom(performance.now(), status, metrics);
      const oldest = before[0];
      const sample = oldest && sampleBetween(oldest, now);
      before = [...before, now].slice(-RATE_LOOKS);
      const rise = isOld ? 1 : 0;
      isOld = false;
      setPool((pool) => ({
        connection,
        status,
        samples: sample ? withSample(pool.samples, sample) : pool.samples,
        news: pool.news + rise,
      }));
    };
    let isLooking = false;
    const lookOnce = () => {
      if (isLooking) return;
      isLooking = true;
      // What is wrong with the connection the event stream finds out, and tells.
      void look()
        .catch(() => undefined)
        .finally(() => (isLooking = false));
    };
    const timer = setInterval(lookOnce, LOOK_MS);
    const happened = () => {
      isOld = true;
      if (before.length === 0) lookOnce();
    };
    void follow(tell, happened, signal);
    return () => {
      clearInterval(timer);
      ending.abort();
    };
  }, []);
  return pool;
}
