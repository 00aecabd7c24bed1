import { useState } from 'preact/hooks';
import { ask } from './api.js';
import { TaskPage } from './task.js';

const FUNCTION = `(max) => {
  console.log('counting primes below', max);
  let primes = 0;
  for (let i = 2; i < max; i++) if (isPrime(i)) primes++;
  return primes;

  function isPrime(k) {
    for (let d = 2; d * d <= k; d++) if (k % d === 0) return false;
    return true;
  }
}`;

/** A function and arguments, written here and run on the pool. */
export function TryIt() {
  const [source, setSource] = useState(FUNCTION);
  const [args, setArgs] = useState('[200000]');
  const [problem, setProblem] = useState('');
  const [id, setId] = useState<string>();
  const run = async (event: Event) => {
    event.preventDefault();
    setProblem('');
    let values: unknown;
    try {
      values = JSON.parse(args.trim() || '[]');
    } catch (error) {
      return setProblem(`The arguments are no JSON: ${(error as Error).message}`);
    }
    if (!Array.isArray(values)) return setProblem('The arguments have to be a list, [1, 2] say.');
    try {
      const body = { source, args: values, options: { name: 'try it' } };
      setId((await ask<{ task_id: string }>('/v1/tasks', { body })).task_id);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <div class="try">
      <form onSubmit={(event) => void run(event)}>
        <h2>Try it</h2>
        <label for="source">Function, as JavaScript</label>
        <textarea
          id="source"
          rows={14}
          spellcheck={false}
          value={source}
          onInput={(event) => setSource(event.currentTarget.value)}
        />
        <label for="args">Arguments, as a JSON list</label>
        <input
          id="args"
          spellcheck={false}
          autocomplete="off"
          value={args}
          onInput={(event) => setArgs(event.currentTarget.value)}
        />
        <button class="main">Run</button>
        {problem && <p role="alert">{problem}</p>}
      </form>
      {id ? (
        <TaskPage key={id} id={id} access="full" isWhole={false} />
      ) : (
        <p class="empty">What it comes to, what it prints and how long it takes is shown here.</p>
      )}
    </div>
  );
}
