import { useEffect, useState } from 'preact/hooks';
import { ask } from './api.js';
import { useChanges } from './changes.js';
import type { Worker, WorkerLogLine } from './documents.js';
import { stateOf } from './now.js';
import type { Pool } from './pool.js';
import { bytes, clock, duration, percent } from './words.js';
import { drainOf } from './workers.js';

/** How often the log is looked at, in ms, while the page is in front. */
const LOOK_MS = 2_000;

/** One worker, and the newest lines of its log: also of one that is gone. */
export function WorkerPage({ name, pool: { status, cpu, access } }: { name: string; pool: Pool }) {
  const changes = useChanges();
  const worker = status?.workers.find((each) => each.worker === name);
  const state = worker ? stateOf(worker) : 'gone';
  return (
    <article>
      <div class="bar">
        <h2>{name}</h2>
        {status && (
          <span class={`mark ${state}`} role="status">
            {state}
          </span>
        )}
        {access === 'full' && worker && (
          <button disabled={state === 'draining'} onClick={() => changes.ask(drainOf(worker))}>
            Drain
          </button>
        )}
      </div>
      {changes.shown}
      {worker && <Facts worker={worker} cpu={cpu.get(name)} />}
      {worker && worker.tasks.length > 0 && (
        <>
          <h3>Runs</h3>
          <ul class="running">
            {worker.tasks.map((task) => (
              <li key={task.task_id}>
                <a href={`#/tasks/${task.task_id}`}>{task.name || 'a function without a name'}</a>{' '}
                {duration(task.running_ms)}
              </li>
            ))}
          </ul>
        </>
      )}
      <Log name={name} />
    </article>
  );
}

function Facts({ worker, cpu }: { worker: Worker; cpu: number | undefined }) {
  const { host, port, pid, slots, completed, failed, deaths, tags, version, uptime_ms, rss_bytes } = worker;
  const facts: [string, string | undefined][] = [
    ['Address', `${host}:${port}`],
    ['Process', String(pid)],
    ['Up for', uptime_ms > 0 ? duration(uptime_ms) : undefined],
    ['Slots', String(slots)],
    ['CPU', cpu === undefined ? undefined : percent(cpu)],
    ['Memory', rss_bytes > 0 ? bytes(rss_bytes) : undefined],
    ['Done', completed.toLocaleString('en')],
    ['Failed', failed.toLocaleString('en')],
    ['Deaths', deaths.toLocaleString('en')],
    ['Tags', tags.join(', ')],
    ['Version', version],
  ];
  return (
    <dl>
      {facts.map(
        ([fact, value]) =>
          value && (
            <div key={fact}>
              <dt>{fact}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

function Log({ name }: { name: string }) {
  const [lines, setLines] = useState<WorkerLogLine[]>();
  const [problem, setProblem] = useState('');
  useEffect(() => {
    const ending = new AbortController();
    const look = () => {
      if (document.hidden) return;
      ask<{ lines: WorkerLogLine[] }>(`/v1/workers/${name}/log`, { signal: ending.signal }).then(
        (found) => {
          setLines(found.lines);
          setProblem('');
        },
        (error: unknown) => {
          if (!ending.signal.aborted) setProblem((error as Error).message);
        },
      );
    };
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => {
      clearInterval(timer);
      ending.abort();
    };
  }, [name]);
  return (
    <>
      <h3>Log, newest first</h3>
      {problem && <p class="empty">{problem}</p>}
      {!problem && lines && (
        <pre tabIndex={0} class="log">
          {lines.length === 0 && 'nothing yet'}
          {lines.toReversed().map((line, index) => (
            <span key={lines.length - index} class={line.level}>
              {inWords(line)}
              {'\n'}
            </span>
          ))}
        </pre>
      )}
    </>
  );
}

function inWords({ at, level, message, fields }: WorkerLogLine): string {
  const rest = Object.entries(fields)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
  return [clock(at), level === 'info' ? '' : level, message, rest].filter((part) => part !== '').join('  ');
}
