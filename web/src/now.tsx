import { useState } from 'preact/hooks';
import { ask } from './api.js';
import type { Worker } from './documents.js';
import type { Pool } from './pool.js';
import type { Sample } from './samples.js';
import { bytes, count, duration, percent, rate } from './words.js';

/** The pool at this moment, and over the last minutes. */
export function Now({ pool: { status, samples, cpu, access } }: { pool: Pool }) {
  const [known, setKnown] = useState<string[]>([]);
  if (!status) return <p class="empty">Waiting for the pool to say how it stands …</p>;
  const { workers, wanted } = status;
  const names = workers.map(({ worker }) => worker);
  if (names.some((name) => !known.includes(name))) setKnown([...new Set([...known, ...names])]);
  const absent = known.filter((name) => !names.includes(name)).slice(0, Math.max(0, wanted - workers.length));
  const last = samples.at(-1);
  const wait = samples.findLast(({ waitMs }) => waitMs !== undefined)?.waitMs;
  const busy = workers.filter(({ tasks }) => tasks.length > 0).length;
  return (
    <>
      <section class="figures" aria-label="The pool now">
        <Figure
          label="Workers busy"
          value={`${busy} of ${workers.length}`}
          samples={samples}
          of={(sample) => sample.busy}
        />
        <Figure
          label="Tasks a second"
          value={rate(last?.perSecond ?? 0)}
          samples={samples}
          of={(sample) => sample.perSecond}
        />
        <Figure
          label="Waiting"
          value={(last?.waiting ?? status.queue.pending).toLocaleString('en')}
          samples={samples}
          of={(sample) => sample.waiting}
        />
        <Figure
          label="Time in line"
          value={wait === undefined ? '–' : duration(wait)}
          samples={samples}
          of={(sample) => sample.waitMs ?? 0}
        />
      </section>
      <section>
        <div class="bar">
          <h2>Workers</h2>
          {access === 'full' && <Scale wanted={wanted} />}
        </div>
        {workers.length + absent.length === 0 && (
          <p class="empty">
            No workers. Add one here, or with <code>offhand scale 1</code>.
          </p>
        )}
        <ul class="lanes">
          {workers.map((worker) => (
            <Lane key={worker.worker} worker={worker} cpu={cpu.get(worker.worker)} />
          ))}
          {absent.map((name) => (
            <li key={name} class="lane lost">
              <span class="name">{name}</span>
              <span class="state">lost</span>
              <span class="what">The pool starts another in its place.</span>
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}

interface FigureProps {
  label: string;
  value: string;
  samples?: Sample[];
  of?: (sample: Sample) => number;
}

function Figure({ label, value, samples = [], of }: FigureProps) {
  return (
    <div class="figure">
      <span class="label">{label}</span>
      <span class="value">{value}</span>
      {of && <Spark samples={samples} of={of} label={label} />}
    </div>
  );
}

const [WIDTH, HEIGHT] = [200, 36];
/** The line of less than this would be all noise, in ms. */
const LEAST_MS = 30_000;

/** The last minutes as a line; its highest point is said in words, as there is no axis. */
function Spark({ samples, of, label }: { samples: Sample[]; of: (sample: Sample) => number; label: string }) {
  const end = samples.at(-1)?.at ?? 0;
  const range = Math.max(LEAST_MS, end - (samples[0]?.at ?? end));
  const most = Math.max(0, ...samples.map(of));
  const points = samples.map((sample) => {
    const x = WIDTH - ((end - sample.at) / range) * WIDTH;
    const y = HEIGHT - 1 - (most > 0 ? of(sample) / most : 0) * (HEIGHT - 2);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  const firstX = points[0]?.split(',', 1)[0];
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${label} over the last minutes, at most ${rate(most)}`}
    >
      {points.length > 0 && (
        <polygon points={[`${firstX},${HEIGHT}`, ...points, `${WIDTH},${HEIGHT}`].join(' ')} />
      )}
      <polyline points={points.join(' ')} />
    </svg>
  );
}

export function stateOf({ phase, tasks }: Worker): 'draining' | 'busy' | 'free' {
  if (phase === 'draining') return 'draining';
  return tasks.length > 0 ? 'busy' : 'free';
}

function usage({ rss_bytes }: Worker, cpu: number | undefined): string {
  const parts = [
    ...(cpu === undefined ? [] : [`${percent(cpu)} CPU`]),
    ...(rss_bytes > 0 ? [bytes(rss_bytes)] : []),
  ];
  return parts.map((part) => `${part} · `).join('');
}

function Lane({ worker, cpu }: { worker: Worker; cpu: number | undefined }) {
  const state = stateOf(worker);
  return (
    <li class={`lane ${state}`}>
      <a class="name" href={`#/workers/${worker.worker}`}>
        {worker.worker}
      </a>
      <span class="state">{state}</span>
      <span class="what">
        {worker.tasks.map((task) => (
          <a key={task.task_id} class="block" href={`#/tasks/${task.task_id}`}>
            <b>{task.name || 'a function without a name'}</b> {duration(task.running_ms)}
          </a>
        ))}
      </span>
      <span class="done">
        {usage(worker, cpu)}
        {worker.completed.toLocaleString('en')} done
        {worker.failed > 0 && <em>, {worker.failed.toLocaleString('en')} failed</em>}
      </span>
    </li>
  );
}

/** More or fewer workers. */
function Scale({ wanted }: { wanted: number }) {
  const [asked, setAsked] = useState<number>();
  const [said, setSaid] = useState('');
  const scale = async (to: number) => {
    setAsked(to);
    setSaid(`Going to ${count(to, 'worker')} …`);
    try {
      await ask('/v1/workers/count', { method: 'PUT', body: { count: to } });
      setSaid('');
    } catch (error) {
      setSaid(error instanceof Error ? error.message : String(error));
    }
    setAsked(undefined);
  };
  const now = asked ?? wanted;
  return (
    <div class="scale">
      <span role="status">{said}</span>
      <button aria-label="One worker less" disabled={now === 0} onClick={() => void scale(now - 1)}>
        −
      </button>
      <output aria-label="Workers wanted">{now}</output>
      <button aria-label="One worker more" onClick={() => void scale(now + 1)}>
        +
      </button>
    </div>
  );
}
