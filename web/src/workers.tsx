import { useState } from 'preact/hooks';
import { ask } from './api.js';
import { useChanges } from './changes.js';
import { Machines } from './cluster.js';
import type { Question } from './confirm.js';
import { POLICIES, type Worker } from './documents.js';
import { stateOf } from './now.js';
import type { Pool } from './pool.js';
import { bytes, count, percent } from './words.js';

/** What the pool is made of, and how that is changed. */
export function Workers({ pool: { status, cpu, access } }: { pool: Pool }) {
  const changes = useChanges();
  if (!status) return <p class="empty">Waiting for the pool to say how it stands …</p>;
  const { workers, wanted, policy } = status;
  const mayChange = access === 'full';
  return (
    <>
      <div class="bar">
        <h2>Workers</h2>
        {mayChange ? (
          <>
            <Scale wanted={wanted} change={changes.ask} />
            <Policy policy={policy} change={changes.ask} />
          </>
        ) : (
          <p class="quiet">
            {count(wanted, 'worker')} wanted, chosen by {policy}
          </p>
        )}
      </div>
      {changes.shown}
      {workers.length === 0 ? (
        <p class="empty">
          No workers.{' '}
          {mayChange ? 'Scale the pool here, or with' : 'Somebody who may change the pool adds some with'}{' '}
          <code>offhand scale 1</code>.
        </p>
      ) : (
        <table class="workers">
          <thead>
            <tr>
              <th>Worker</th>
              <th>State</th>
              <th class="number wide">Slots</th>
              <th class="number">CPU</th>
              <th class="number">Memory</th>
              <th class="number wide">Done</th>
              <th class="number wide">Failed</th>
              <th class="number wide">Deaths</th>
              <th class="wide">Tags</th>
              <th class="wide">Version</th>
              {mayChange && (
                <th>
                  <span class="unseen">Change</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {workers.map((worker) => (
              <Row
                key={worker.worker}
                worker={worker}
                cpu={cpu.get(worker.worker)}
                drain={mayChange ? () => changes.ask(drainOf(worker)) : undefined}
              />
            ))}
          </tbody>
        </table>
      )}
      <Machines />
    </>
  );
}

interface RowProps {
  worker: Worker;
  cpu: number | undefined;
  drain: (() => void) | undefined;
}

function Row({ worker, cpu, drain }: RowProps) {
  const { worker: name, slots, tasks, completed, failed, deaths, tags, version, rss_bytes } = worker;
  const state = stateOf(worker);
  return (
    <tr>
      <td>
        <a href={`#/workers/${name}`}>{name}</a>
      </td>
      <td>
        <span class={`mark ${state}`}>{state}</span>
      </td>
      <td class="number wide">
        {tasks.length} of {slots}
      </td>
      <td class="number">{cpu === undefined ? '–' : percent(cpu)}</td>
      <td class="number">{rss_bytes === 0 ? '–' : bytes(rss_bytes)}</td>
      <td class="number wide">{completed.toLocaleString('en')}</td>
      <td class={`number wide ${failed > 0 ? 'bad' : ''}`}>{failed.toLocaleString('en')}</td>
      <td class={`number wide ${deaths > 0 ? 'bad' : ''}`}>{deaths.toLocaleString('en')}</td>
      <td class="wide">{tags.join(', ') || '–'}</td>
      <td class="wide">{version}</td>
      {drain && (
        <td class="number">
          <button aria-label={`Drain ${name}`} disabled={state === 'draining'} onClick={drain}>
            Drain
          </button>
        </td>
      )}
    </tr>
  );
}

export function drainOf({ worker, tasks }: Worker): Question {
  const running = tasks.length > 0 ? `It finishes ${count(tasks.length, 'task')}, and leaves` : 'It leaves';
  return {
    title: `Drain ${worker}?`,
    text: `${running} the pool for good; nothing replaces it.`,
    yes: `Drain ${worker}`,
    act: () => ask(`/v1/workers/${worker}/drain`, { method: 'POST' }),
  };
}

function Scale({ wanted, change }: { wanted: number; change: (question: Question) => void }) {
  const [to, setTo] = useState<string>();
  const submit = (event: Event) => {
    event.preventDefault();
    const next = Number(to ?? wanted);
    if (next === wanted) return;
    change({
      title: `Scale to ${count(next, 'worker')}?`,
      text:
        next > wanted
          ? `${count(next - wanted, 'worker')} more will be started.`
          : `${count(wanted - next, 'worker')}, the last first, will finish what they run, and leave.`,
      yes: `Scale to ${next}`,
      act: () =>
        ask('/v1/workers/count', { method: 'PUT', body: { count: next } }).then(() => setTo(undefined)),
    });
  };
  return (
    <form class="inline" onSubmit={submit}>
      <label>
        Wanted{' '}
        <input
          type="number"
          min={0}
          max={10_000}
          required
          value={to ?? String(wanted)}
          onInput={(event) => setTo(event.currentTarget.value)}
        />
      </label>
      <button>Scale</button>
    </form>
  );
}

function Policy({ policy, change }: { policy: string; change: (question: Question) => void }) {
  const choose = (event: { currentTarget: HTMLSelectElement }) => {
    const next = event.currentTarget.value;
    // It is as the pool says, until that has changed.
    event.currentTarget.value = policy;
    if (next === policy) return;
    change({
      title: `Choose workers by ${next}?`,
      text: 'What runs goes on; what waits is placed anew.',
      yes: `Choose by ${next}`,
      act: () => ask('/v1/policy', { method: 'PUT', body: { policy: next } }),
    });
  };
  return (
    <label>
      Policy{' '}
      <select value={policy} onChange={choose}>
        {POLICIES.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
    </label>
  );
}
