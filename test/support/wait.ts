import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 25;

/** Resolves with the first truthy answer. @throws Error naming `what` when there is none in time. */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  withinMs = 30_000,
): Promise<NonNullable<T>> {
  const until = performance.now() + withinMs;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    if (performance.now() > until) throw new Error(`waited ${withinMs} ms in vain for ${what}`);
    await delay(POLL_MS);
  }
}

/** What the promise comes to. @throws Error naming `what` when it has not settled in time. */
export async function within<T>(withinMs: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${withinMs} ms in vain for ${what}`)), withinMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
