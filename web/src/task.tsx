import { useEffect, useState } from 'preact/hooks';
import { ask, Refusal } from './api.js';
import type { Access, LogLine, Outcome, Task } from './documents.js';
import { dedented, uncut } from './source-text.js';
import { clock, duration } from './words.js';

interface Shown {
  task: Task;
  lines: LogLine[];
  outcome: Outcome | undefined;
}

const isSettled = ({ state }: Task) => state !== 'pending' && state !== 'running';

async function look(id: string, signal: AbortSignal): Promise<Shown> {
  const [task, { lines }] = await Promise.all([
    ask<Task>(`/v1/tasks/${id}`, { signal }),
    ask<{ lines: LogLine[] }>(`/v1/tasks/${id}/logs`, { signal }),
  ]);
  const isWanted = task.state === 'succeeded' && !task.dropped;
  return {
    task,
    lines,
    outcome: isWanted ? await ask<Outcome>(`/v1/tasks/${id}/result`, { signal }) : undefined,
  };
}

/** While a task runs what it prints is looked for this often, in ms. */
const LOOK_MS = 1_000;

interface TaskPageProps {
  id: string;
  news?: number;
  access: Access;
  /** False where what was called stands beside it. */
  isWhole?: boolean;
}

/** All there is to know of one task; looks again when something has happened, until the task has settled. */
export function TaskPage({ id, news, access, isWhole = true }: TaskPageProps) {
  const [shown, setShown] = useState<Shown>();
  const [problem, setProblem] = useState('');
  const [looks, setLooks] = useState(0);
  useEffect(() => {
    const ending = new AbortController();
    look(id, ending.signal).then(
      (found) => {
        setShown(found);
        setProblem('');
      },
      (error: unknown) => {
        if (ending.signal.aborted) return;
        const isUnknown = error instanceof Refusal && error.status === 404;
        const hint = isUnknown
          ? '. What pool.run calls is not kept: it is seen under Now while it runs.'
          : '';
        setProblem(`${(error as Error).message}${hint}`);
      },
    );
    return () => ending.abort();
  }, [id, news, looks]);
  const isOver = shown && isSettled(shown.task);
  useEffect(() => {
    if (isOver) return;
    const timer = setInterval(() => setLooks((n) => n + 1), LOOK_MS);
    return () => clearInterval(timer);
  }, [id, isOver]);
  const act = async (method: string, path: string) => {
    try {
      await ask(path, { method });
      setLooks((n) => n + 1);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <article>
      {problem && <p role="alert">{problem}</p>}
      {shown && (
        <>
          <div class="bar">
            <h2>{shown.task.name || 'a function without a name'}</h2>
            <span class={`mark ${shown.task.state}`} role="status">
              {shown.task.state}
            </span>
            {access === 'full' && !isSettled(shown.task) && (
              <button onClick={() => void act('DELETE', `/v1/tasks/${id}`)}>Cancel</button>
            )}
            {access === 'full' && (shown.task.state === 'failed' || shown.task.state === 'cancelled') && (
              <button onClick={() => void act('POST', `/v1/tasks/${id}/retry`)}>Run again</button>
            )}
          </div>
          <Facts task={shown.task} />
          <Standing task={shown.task} />
          <Ending shown={shown} />
          <Earlier task={shown.task} />
          {isWhole && <Call task={shown.task} />}
          <h3>Output</h3>
          <pre tabIndex={0} class="output">
            {shown.lines.length === 0 && 'nothing printed'}
            {shown.lines.map((line) => (
              <span key={`${line.attempt}-${line.number}`} class={line.stream}>
                {line.text}
                {'\n'}
              </span>
            ))}
          </pre>
        </>
      )}
    </article>
  );
}

function Facts({ task }: { task: Task }) {
  const facts: [string, string | undefined][] = [
    ['Id', task.task_id],
    ['Client', task.client],
    ['Submitted', clock(task.submitted_at)],
    ['Waited', task.started_at && duration(Date.parse(task.started_at) - Date.parse(task.submitted_at))],
    ['Ran', task.settled_at && duration(task.seconds * 1_000)],
    ['Attempt', task.attempt > 0 ? String(task.attempt) : undefined],
    ['Priority', task.priority === 0 ? undefined : String(task.priority)],
    ['Group', task.group],
  ];
  return (
    <dl>
      {facts.map(
        ([name, value]) =>
          value && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

/** Of one that has no outcome: why, and how far it is. */
function Standing({ task: { state, standing, progress } }: { task: Task }) {
  if (standing === undefined) return null;
  return (
    <>
      <h3>{state === 'running' ? 'Runs' : 'Waits'}</h3>
      <p class="standing">{standing}</p>
      {progress && <progress aria-label="Progress" value={progress.fraction} />}
    </>
  );
}

/** What was called, as its client lets people see it. */
function Call({ task: { source, preview, dropped } }: { task: Task }) {
  const shown = source === undefined ? undefined : uncut(source);
  return (
    <>
      <h3>Arguments</h3>
      <pre tabIndex={0}>{preview || 'none'}</pre>
      <h3>Source</h3>
      {shown ? (
        <>
          <pre tabIndex={0} class="source">
            {dedented(shown.text)}
          </pre>
          {shown.cut && <p class="quiet">… {shown.cut}</p>}
        </>
      ) : (
        <p class="empty">{dropped ? 'Kept no longer.' : 'Its client has sent none for people to read.'}</p>
      )}
    </>
  );
}

/** What was tried before, the newest first. */
function Earlier({ task: { earlier = [] } }: { task: Task }) {
  if (earlier.length === 0) return null;
  return (
    <>
      <h3>Earlier attempts</h3>
      {earlier.toReversed().map(({ attempt, worker, failed_at, failure: { code, message, stack } }) => (
        <details key={attempt}>
          <summary>
            {attempt}: {code}
            {worker === undefined ? '' : ` on ${worker}`}, {clock(failed_at)}
          </summary>
          <pre tabIndex={0} class="failure">
            {stack ?? message}
          </pre>
        </details>
      ))}
    </>
  );
}

function Ending({ shown: { task, outcome } }: { shown: Shown }) {
  if (outcome)
    return (
      <>
        <h3>Result</h3>
        <pre tabIndex={0} class="result">
          {outcome.failure?.message ?? JSON.stringify(outcome.result, null, 2) ?? 'undefined'}
        </pre>
      </>
    );
  if (task.dropped) return <p class="empty">Its result is kept no longer (--keep-results).</p>;
  if (!task.failure) return null;
  const { code, message, stack } = task.failure;
  return (
    <>
      <h3>Failure: {code}</h3>
      <pre tabIndex={0} class="failure">
        {stack ?? message}
      </pre>
    </>
  );
}
