import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { keepToken, logIn, Refusal } from './api.js';
import type { Connection } from './events.js';
import { Now } from './now.js';
import { usePool } from './pool.js';
import { RunSoFar } from './run.js';
import { Stream } from './stream.js';
import { TaskPage } from './task.js';
import { Tasks } from './tasks.js';
import { TryIt } from './try.js';
import { WorkerPage } from './worker.js';
import { Workers } from './workers.js';

const VIEWS = [
  ['now', 'Now', 'read'],
  ['stream', 'Stream', 'read'],
  ['tasks', 'Tasks', 'read'],
  ['workers', 'Workers', 'read'],
  ['run', 'Run', 'read'],
  ['try', 'Try it', 'full'],
] as const;

function useRoute(): [view: string, id: string | undefined] {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const change = () => setHash(location.hash);
    addEventListener('hashchange', change);
    return () => removeEventListener('hashchange', change);
  }, []);
  const [view = '', id] = hash.replace(/^#\/?/, '').split('/');
  return [view || 'now', id];
}

function Page() {
  const pool = usePool();
  const [view, id] = useRoute();
  if (pool.connection.kind === 'locked') return <Login why={pool.connection.why} />;
  return (
    <>
      <header>
        <h1>offhand</h1>
        <nav aria-label="Views">
          {VIEWS.filter(([, , needed]) => needed === 'read' || pool.access === 'full').map(
            ([name, label]) => (
              <a key={name} href={`#/${name}`} aria-current={view === name ? 'page' : undefined}>
                {label}
              </a>
            ),
          )}
        </nav>
        <Link connection={pool.connection} />
      </header>
      <main>
        {view === 'tasks' && id ? (
          <TaskPage key={id} id={id} news={pool.news} access={pool.access} />
        ) : view === 'tasks' ? (
          <Tasks news={pool.news} />
        ) : view === 'workers' && id ? (
          <WorkerPage key={id} name={id} pool={pool} />
        ) : view === 'workers' ? (
          <Workers pool={pool} />
        ) : view === 'run' ? (
          <RunSoFar />
        ) : view === 'stream' ? (
          <Stream />
        ) : view === 'try' && pool.access === 'full' ? (
          <TryIt />
        ) : (
          <Now pool={pool} />
        )}
      </main>
    </>
  );
}

function Link({ connection }: { connection: Connection }) {
  const words = {
    connecting: 'connecting …',
    live: 'live',
    lost: `Reconnecting: ${connection.kind === 'lost' ? connection.why : ''}`,
    locked: 'logged out',
  };
  return (
    <p class={`link ${connection.kind}`} role="status">
      {words[connection.kind]}
    </p>
  );
}

function Login({ why }: { why: string }) {
  const [token, setToken] = useState('');
  const submit = (event: Event) => {
    event.preventDefault();
    keepToken(token.trim());
    location.reload();
  };
  return (
    <main class="login">
      <h1>offhand</h1>
      <p role="alert">{why}</p>
      <p>
        Open the link that <code>offhand server</code> has printed; it is good once. Or log in with what{' '}
        <code>offhand token</code> prints, or <code>offhand token --read-only</code> if you are only to look.
      </p>
      <form onSubmit={submit}>
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          required
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <button class="main">Log in</button>
      </form>
    </main>
  );
}

const place = document.getElementById('page') as HTMLElement;
logIn().then(
  () => render(<Page />, place),
  (error: unknown) => {
    const why = error instanceof Refusal ? error.message : String(error);
    render(<Login why={why} />, place);
  },
);
