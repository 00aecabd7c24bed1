import { useEffect, useState } from 'preact/hooks';
import { ageMsOf, ask, open } from './api.js';
import type { Access, Status } from './documents.js';
import { type Connection, follow } from './events.js';
import {
  type Counters,
  countersFrom,
  cpuBetween,
  type CpuShares,
  type Sample,
  sampleBetween,
  withSample,
} from './samples.js';

/** Calls that are not submitted give no events, so their workers are looked at this often, in ms. */
const LOOK_MS = 1_000;

/** All pages that look within so long share what the pool says, in s. */
const SHARED_S = LOOK_MS / 1_000;

/** What was made so shortly after the last look is what was seen then, in ms. */
const SAME_MS = 100;

/** Over so many looks a rate is taken. */
const RATE_LOOKS = 5;

export interface Pool {
  connection: Connection;
  /** Undefined before the first look. */
  status: Status | undefined;
  samples: Sample[];
  cpu: CpuShares;
  /** What the buttons of the page may do; nothing before it is known. */
  access: Access;
  /** Rises when something has happened that a list may show; at most once a look. */
  news: number;
}

/** How the pool stands, for as long as the page is shown. */
export function usePool(): Pool {
  const [pool, setPool] = useState<Pool>({
    connection: { kind: 'connecting' },
    status: undefined,
    samples: [],
    cpu: new Map(),
    access: 'read',
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
      else learnAccess();
      setPool((pool) => ({ ...pool, connection }));
    };
    // Where this is not answered the connection will be lost in a moment, and asked for again.
    const learnAccess = () =>
      void ask<{ access: Access }>('/v1/access', { signal }).then(
        ({ access }) => setPool((pool) => ({ ...pool, access })),
        () => undefined,
      );
    const look = async () => {
      if (connection.kind !== 'live' || document.hidden) return;
      const shared = { signal, maxAge: SHARED_S };
      const [answer, metrics] = await Promise.all([
        open('/status', shared),
        open('/metrics', shared).then((response) => response.text()),
      ]);
      const status = (await answer.json()) as Status;
      const now = countersFrom(performance.now() - ageMsOf(answer), status, metrics);
      const isSame = now.at - (before.at(-1)?.at ?? -Infinity) < SAME_MS;
      const oldest = before[0];
      const sample = oldest && !isSame ? sampleBetween(oldest, now) : undefined;
      if (!isSame) before = [...before, now].slice(-RATE_LOOKS);
      const rise = isOld ? 1 : 0;
      isOld = false;
      setPool((pool) => ({
        ...pool,
        connection,
        status,
        samples: sample ? withSample(pool.samples, sample) : pool.samples,
        cpu: isSame ? pool.cpu : cpuBetween(pool.status?.workers ?? [], status.workers),
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
