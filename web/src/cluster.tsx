import { useEffect, useState } from 'preact/hooks';
import { ask } from './api.js';
import { count } from './words.js';

/** A coordinator of the cluster, as `GET /v1/cluster` tells it. */
interface Member {
  id: string;
  machine: string;
  address: string;
  http_address: string | null;
  version: string;
  workers: number;
  slots: number;
  busy: number;
  waiting: number;
  asked: boolean;
}

interface Cluster {
  store: string | null;
  connected: boolean;
  coordinators: Member[];
}

/** They say how they stand every 3 s, in ms; and how old an answer may be that was made for another page, in s. */
const LOOK_MS = 3_000;
const SHARED_S = 2;

/** All machines that share the store of this pool; nothing where it shares none. */
export function Machines() {
  const cluster = useCluster();
  if (!cluster || cluster.store === null) return null;
  const { store, connected, coordinators } = cluster;
  return (
    <section aria-label="Machines">
      <div class="bar">
        <h2>Machines</h2>
        <p class="quiet">
          {connected
            ? `${count(coordinators.length, 'coordinator')} share ${store}`
            : `${store} is not reached, so others are not known`}
        </p>
      </div>
      <table class="workers">
        <thead>
          <tr>
            <th>Machine</th>
            <th>Coordinator</th>
            <th class="number">Slots</th>
            <th class="number wide">Workers</th>
            <th class="number wide">Waiting</th>
            <th class="wide">Version</th>
          </tr>
        </thead>
        <tbody>
          {coordinators.map((member) => (
            <Row key={member.id} member={member} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Row({ member }: { member: Member }) {
  const { machine, address, http_address, workers, slots, busy, waiting, version, asked } = member;
  return (
    <tr>
      <td>{machine}</td>
      <td>{http_address === null || asked ? address : <a href={http_address}>{address}</a>}</td>
      <td class="number">
        {busy} of {slots}
      </td>
      <td class="number wide">{workers}</td>
      <td class="number wide">{waiting}</td>
      <td class="wide">{version}</td>
    </tr>
  );
}

function useCluster(): Cluster | undefined {
  const [cluster, setCluster] = useState<Cluster>();
  useEffect(() => {
    const ending = new AbortController();
    const look = () => {
      if (document.hidden) return;
      // Where this is not answered the page says so by its connection.
      ask<Cluster>('/v1/cluster', { signal: ending.signal, maxAge: SHARED_S }).then(
        setCluster,
        () => undefined,
      );
    };
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => {
      clearInterval(timer);
      ending.abort();
    };
  }, []);
  return cluster;
}
