// Leaves a task with the pool of `offhand server` by HTTP alone, as a program without the client library would.
//   OFFHAND_URL=http://127.0.0.1:5000 OFFHAND_TOKEN=$(npx offhand token) npm run example examples/http.ts
import { strict as assert } from 'node:assert';
import { serializeTask } from 'offhand';

const { OFFHAND_URL = 'http://127.0.0.1:5000', OFFHAND_TOKEN = '' } = process.env;

async function ask<T>(path: string, body?: object): Promise<T> {
  const response = await fetch(`${OFFHAND_URL}${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${OFFHAND_TOKEN}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as T & { detail?: string };
  if (!response.ok) throw new Error(`${response.status}: ${answer.detail}`);
  return answer;
}

function countLetters(text: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const letter of text) counts[letter] = (counts[letter] ?? 0) + 1;
  return counts;
}

const task = serializeTask.with({ timeoutMs: 10_000, retries: 1 })(countLetters, 'hubbub');
const { task_id: id } = await ask<{ task_id: string }>('/submit_task', { task });
const { result } = await ask<{ result: unknown }>(`/v1/tasks/${id}/result?wait=10000`);
assert.deepEqual(result, { h: 1, u: 2, b: 3 });

const { results } = await ask<{ results: { task_id: string }[] }>('/get_results');
assert(results.some((one) => one.task_id === id));
console.log(`task ${id}: ${JSON.stringify(result)}`);
