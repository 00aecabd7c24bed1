/** Ends every `switch` over a union: a member that was forgotten fails to compile, and throws if it comes by wire. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}
