/** Kept for as long as the tab is open, and sent in a header: cookies do not tell one port from another. */
const KEY = 'offhand-token';

/** What the pool refused, in its own words. Status 0: it was not reached. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

export function keepToken(token: string): void {
  sessionStorage.setItem(KEY, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEY);
}

export interface Asked {
  method?: string;
  /** Sent as JSON. */
  body?: unknown;
  signal?: AbortSignal;
  /** How old an answer may be that was made for somebody else, in s. */
  maxAge?: number;
}

/** The answer, once it is known to be a good one. @throws Refusal */
export async function open(path: string, { method, body, signal, maxAge }: Asked = {}): Promise<Response> {
  const headers = new Headers();
  if (maxAge !== undefined) headers.set('cache-control', `max-age=${maxAge}`);
  const token = sessionStorage.getItem(KEY);
  if (token) headers.set('authorization', `Bearer ${token}`);
  if (body !== undefined) headers.set('content-type', 'application/json');
  const init = { method: method ?? (body === undefined ? 'GET' : 'POST'), headers, signal: signal ?? null };
  const response = await fetch(
    path,
    body === undefined ? init : { ...init, body: JSON.stringify(body) },
  ).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new Refusal(0, 'the pool does not answer');
  });
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as { detail?: string };
  throw new Refusal(response.status, problem.detail ?? `the pool answered ${response.status}`);
}

/** @throws Refusal */
export async function ask<T>(path: string, asked?: Asked): Promise<T> {
  return (await (await open(path, asked)).json()) as T;
}

/** How old an answer is that may have been made for somebody else, in ms. */
export function ageMsOf({ headers }: Response): number {
  return Number(headers.get('offhand-age-ms') ?? 0);
}

/** Exchanges the code of the link for a session, and forgets the code. @throws Refusal */
export async function logIn(): Promise<void> {
  const code = /^#code=(.+)$/.exec(location.hash)?.[1];
  if (!code) return;
  // Neither the history nor a bookmark is to keep it.
  history.replaceState(null, '', location.pathname);
  keepToken((await ask<{ token: string }>('/login', { body: { code } })).token);
}
