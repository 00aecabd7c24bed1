import { useEffect, useRef, useState } from 'preact/hooks';
import { open, Refusal } from './api.js';
import type { Picture, Run } from './charts.js';
import { bytes } from './words.js';

const SPANS = [
  [600_000, 'last 10 minutes'],
  [3_600_000, 'last hour'],
  [0, 'all of it'],
] as const;

interface Profile {
  name: string;
  csv: Blob;
}

async function profileOf(lastMs: number, signal?: AbortSignal): Promise<Profile> {
  const answer = await open(`/v1/profile${lastMs > 0 ? `?last_ms=${lastMs}` : ''}`, { signal });
  const name = /filename="([^"]+)"/.exec(answer.headers.get('content-disposition') ?? '')?.[1];
  return { name: name ?? 'profile.csv', csv: await answer.blob() };
}

/** What draws is loaded when it is wanted for the first time. */
async function runOf(lastMs: number, signal: AbortSignal): Promise<Shown> {
  const [{ runFrom }, { name, csv }] = await Promise.all([import('./charts.js'), profileOf(lastMs, signal)]);
  return { run: runFrom(name, await csv.text(), lastMs || undefined), name, bytes: csv.size, at: new Date() };
}

interface Shown {
  run: Run;
  /** Of the file on the machine of the server. */
  name: string;
  bytes: number;
  at: Date;
}

/** The profile of the pool: as the file that it is, and drawn as `offhand grapher` draws it. */
export function RunSoFar() {
  const [lastMs, setLastMs] = useState<number>(SPANS[0][0]);
  const [looks, setLooks] = useState(0);
  const [shown, setShown] = useState<Shown>();
  const [problem, setProblem] = useState<Error>();
  const [isLoading, setLoading] = useState(true);
  useEffect(() => {
    const ending = new AbortController();
    setLoading(true);
    runOf(lastMs, ending.signal)
      .then(
        (found) => {
          setShown(found);
          setProblem(undefined);
        },
        (error: unknown) => {
          if (!ending.signal.aborted) setProblem(error as Error);
        },
      )
      .finally(() => {
        if (!ending.signal.aborted) setLoading(false);
      });
    return () => ending.abort();
  }, [lastMs, looks]);
  const isMissing = problem instanceof Refusal && problem.status === 404;
  return (
    <section class="run">
      <div class="bar">
        <h2>The run so far</h2>
        <label>
          Show{' '}
          <select value={lastMs} onChange={(event) => setLastMs(Number(event.currentTarget.value))}>
            {SPANS.map(([ms, label]) => (
              <option key={ms} value={ms}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <button disabled={isLoading} onClick={() => setLooks((n) => n + 1)}>
          Draw again
        </button>
        <button disabled={isMissing} onClick={() => void download().catch(setProblem)}>
          Download CSV
        </button>
      </div>
      {problem && <p role="alert">{problem.message}</p>}
      {!shown && isLoading && <p class="empty">Loading the profile …</p>}
      {shown && <Pictures {...shown} />}
    </section>
  );
}

function Pictures({ run, name, bytes: size, at }: Shown) {
  if (run.rows === 0)
    return <p class="empty">No sample is in it yet: they come a second late. Draw it again in a moment.</p>;
  return (
    <>
      <p>{run.summary}</p>
      {run.pictures.map((picture) => (
        <Plot key={picture.name} picture={picture} />
      ))}
      <p class="quiet">
        {run.rows.toLocaleString('en')} rows, {bytes(size)}, as of {at.toLocaleTimeString('en-GB')}.{' '}
        <code>offhand grapher {name}</code> draws the same as PDF, PNG or SVG.
      </p>
    </>
  );
}

function Plot({ picture }: { picture: Picture }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => picture.drawOn(canvas.current as HTMLCanvasElement), [picture]);
  return (
    <figure>
      <figcaption>
        <h3>{picture.name}</h3>
        {picture.reading}
      </figcaption>
      <div class="plot" style={{ height: `${picture.height}px` }}>
        <canvas ref={canvas} role="img" aria-label={`${picture.name}. ${picture.reading}`} />
      </div>
    </figure>
  );
}

/** Whole: a link cannot send the token, so the page fetches it. */
async function download(): Promise<void> {
  const { name, csv } = await profileOf(0);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(csv);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
