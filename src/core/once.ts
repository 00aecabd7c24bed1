/** Does something the first time it is asked, and gives the same promise ever after. */
export function once<A extends unknown[]>(
  action: (...args: A) => Promise<void>,
): (...args: A) => Promise<void> {
  let running: Promise<void> | undefined;
  return (...args) => (running ??= action(...args));
}
