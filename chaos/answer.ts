/** The right result of a task: a function of its id alone (FNV-1a), so that a result of another task is a wrong one. */
export function answerOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index++) {
    hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash;
}

/** What a task that throws says. */
export function complaintOf(id: string): string {
  return `${id} was to fail`;
}
