import type { Random } from '../chaos/random.js';
import type { Route } from '../test/support/http-caller.js';
import { anyBytes, anyJson, anyNumber, anyText, damaged } from './values.js';

export interface HttpInput {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer | undefined;
}

/** What is fuzzed is the way to a function: what one that is in order may do is the caller's own business. */
const SOURCES = [
  '() => 1',
  '(...all) => all',
  '(',
  '',
  '1',
  '() => { throw 1 }',
  'class A {}',
  '() => 1n',
  '\u2028',
];
const OPTIONS = [
  ...['name', 'priority', 'delay_ms', 'timeout_ms', 'queue_timeout_ms', 'deadline_ms', 'requires'],
  ...['expected_ms', 'retries', 'retry_on', 'group', 'after', '__proto__'],
];
const QUERIES = ['wait', 'limit', 'cursor', 'state', 'name', 'group', 'task_id', 'client', 'dead'];
const HEADERS = [
  'idempotency-key',
  'client-id',
  'last-event-id',
  'accept',
  'content-type',
  'if-none-match',
  'range',
];
const TYPES = [
  'application/json',
  'text/plain',
  'application/json; charset=utf-7',
  'multipart/form-data',
  '',
];

/** One request, nearly in order or not at all. @param ids tasks that the pool may know */
export function httpInput(random: Random, routes: readonly Route[], ids: readonly string[]): HttpInput {
  const route = random.of(routes);
  const method =
    random.next() < 0.9 ? route.method : random.of(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD']);
  const headers: Record<string, string> = {};
  if (random.next() < 0.2) headers[random.of(HEADERS)] = headerText(anyText(random));
  const body = random.next() < 0.1 || method === 'GET' ? undefined : bodyFor(random, route.path, ids);
  if (body) headers['content-type'] ??= random.next() < 0.95 ? 'application/json' : random.of(TYPES);
  return { method, path: pathFor(random, route.path, ids), headers, body };
}

function pathFor(random: Random, path: string, ids: readonly string[]): string {
  const id =
    random.next() < 0.5
      ? random.of([...ids, '0'.repeat(16)])
      : encodeURIComponent(wellFormed(anyText(random)));
  const filled = path.replace(/0{16}/, id);
  const there =
    random.next() < 0.03 ? `${filled}/${encodeURIComponent(wellFormed(anyText(random)))}` : filled;
  if (random.next() < 0.6) return there;
  const query = Array.from({ length: random.whole(1, 3) }, () => {
    const value = random.next() < 0.5 ? String(anyNumber(random)) : anyText(random);
    const name = random.of(QUERIES);
    // Waiting for as long as is allowed would be in order.
    if (name === 'wait') return `wait=${random.of(['0', '1', '5', '-1', 'x', '1e9999', ''])}`;
    return `${name}=${random.next() < 0.9 ? encodeURIComponent(wellFormed(value)) : '%E0%A4%A'}`;
  });
  return `${there}?${query.join('&')}`;
}

function bodyFor(random: Random, path: string, ids: readonly string[]): Buffer {
  const value = Buffer.from(JSON.stringify(bodyValue(random, path, ids)) ?? '');
  const chance = random.next();
  if (chance < 0.8) return value;
  return chance < 0.95 ? damaged(random, value) : anyBytes(random);
}

function bodyValue(random: Random, path: string, ids: readonly string[]): unknown {
  if (random.next() < 0.15) return anyJson(random);
  if (path.endsWith('/count')) return { [random.next() < 0.5 ? 'count' : 'workers']: anyJson(random, 1) };
  if (path === '/submit_task')
    return { task: random.next() < 0.5 ? serialized(random, ids) : anyJson(random) };
  if (path === '/login') return { code: anyJson(random, 1) };
  return newTask(random, ids);
}

function newTask(random: Random, ids: readonly string[]): object {
  return {
    source: random.next() < 0.9 ? random.of(SOURCES) : anyJson(random),
    ...(random.next() < 0.7 && {
      args: random.next() < 0.8 ? [anyJson(random), anyJson(random)] : anyJson(random),
    }),
    ...(random.next() < 0.7 && { options: random.next() < 0.9 ? options(random, ids) : anyJson(random) }),
  };
}

function options(random: Random, ids: readonly string[]): object {
  return Object.fromEntries(
    Array.from({ length: random.whole(0, 3) }, () => {
      const name = random.of(OPTIONS);
      if (name === 'after' && random.next() < 0.5) return [name, [random.of([...ids, 'x'])]];
      if (name === 'group' && random.next() < 0.5)
        return [name, { name: anyText(random), limit: anyNumber(random) }];
      return [name, random.next() < 0.5 ? anyNumber(random) : anyJson(random, 2)];
    }),
  );
}

/** What `serializeTask` makes, and what somebody else would make of it. */
function serialized(random: Random, ids: readonly string[]): string {
  const text = JSON.stringify({
    offhand: random.of<unknown>([1, 2, '1', null]),
    ...newTask(random, ids),
    arguments: argumentsFor(random),
  });
  return random.next() < 0.7 ? text : damaged(random, Buffer.from(text)).toString();
}

function argumentsFor(random: Random): unknown {
  const chance = random.next();
  if (chance < 0.5) return [anyJson(random)];
  return chance < 0.8 ? { v8: anyBytes(random).toString('base64') } : anyJson(random);
}

/** Node itself sends no other. */
function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}

function wellFormed(text: string): string {
  return text.replace(/[\ud800-\udfff]/g, '?');
}
