import { useEffect, useState } from 'preact/hooks';
import { ask } from './api.js';
import { type Task, TASK_STATES } from './documents.js';
import { clock, duration } from './words.js';

interface Listed {
  tasks: Task[];
  cursor?: string;
}

interface Shown extends Listed {
  /** Why there is nothing, in the pool's words. */
  problem?: string;
}

/** A page may be empty and be followed by another, where few tasks are like that. */
async function look(query: URLSearchParams, signal: AbortSignal): Promise<Listed> {
  for (;;) {
    const page = await ask<Listed>(`/v1/tasks?${query.toString()}`, { signal });
    if (page.tasks.length > 0 || page.cursor === undefined) return page;
    query.set('cursor', page.cursor);
  }
}

/** Submitted tasks, newest first, by state, name, client and what stands in them. */
export function Tasks({ news }: { news: number }) {
  const [state, setState] = useState('');
  const [name, setName] = useState('');
  const [client, setClient] = useState('');
  const [text, setText] = useState('');
  const [shown, setShown] = useState<Shown>();
  const [cursor, setCursor] = useState<string>();
  const query = new URLSearchParams({ limit: '50' });
  if (state) query.set('state', state);
  if (name) query.set('name', name);
  if (client) query.set('client', client);
  if (text) query.set('text', text);
  if (cursor) query.set('cursor', cursor);
  const path = query.toString();
  useEffect(() => {
    const ending = new AbortController();
    look(query, ending.signal).then(setShown, (error: unknown) => {
      if (!ending.signal.aborted) setShown({ tasks: [], problem: String((error as Error).message) });
    });
    return () => ending.abort();
  }, [path, news]);
  const filter = (set: (text: string) => void) => (event: { currentTarget: { value: string } }) => {
    setCursor(undefined);
    set(event.currentTarget.value);
  };
  return (
    <>
      <div class="bar">
        <h2>Tasks</h2>
      </div>
      <div class="filters" role="search">
        <label>
          State{' '}
          <select value={state} onChange={filter(setState)}>
            <option value="">all</option>
            {TASK_STATES.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <label>
          Function <input type="search" placeholder="its whole name" value={name} onInput={filter(setName)} />
        </label>
        <label>
          Client{' '}
          <input type="search" placeholder="its whole name" value={client} onInput={filter(setClient)} />
        </label>
        <label>
          Text{' '}
          <input
            type="search"
            placeholder="anywhere in it"
            maxLength={256}
            value={text}
            onInput={filter(setText)}
          />
        </label>
      </div>
      {shown?.problem && <p role="alert">{shown.problem}</p>}
      {shown && !shown.problem && shown.tasks.length === 0 && (
        <p class="empty">
          {state || name || client || text
            ? 'No task is like that.'
            : 'No tasks yet. They come by pool.submit, offhand submit, POST /v1/tasks, or Try it. What pool.run calls is not kept, and is seen under Now while it runs.'}
        </p>
      )}
      {shown && shown.tasks.length > 0 && (
        <table>
          <thead>
            <tr>
              <th>State</th>
              <th>Function</th>
              <th class="wide">Submitted</th>
              <th>Took</th>
              <th class="wide">Client</th>
            </tr>
          </thead>
          <tbody>
            {shown.tasks.map((task) => (
              <tr key={task.task_id}>
                <td>
                  <span class={`mark ${task.state}`}>{task.state}</span>
                </td>
                <td>
                  <a href={`#/tasks/${task.task_id}`}>{task.name || 'a function without a name'}</a>
                  {task.failure && <small>{task.failure.message.split('\n', 1)[0]}</small>}
                </td>
                <td class="wide time">{clock(task.submitted_at)}</td>
                <td class="time">{task.settled_at ? duration(task.seconds * 1_000) : ''}</td>
                <td class="wide">{task.client}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <div class="bar">
        {cursor && <button onClick={() => setCursor(undefined)}>Newest</button>}
        {shown?.cursor && <button onClick={() => setCursor(shown.cursor)}>Older</button>}
      </div>
    </>
  );
}
