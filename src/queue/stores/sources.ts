/** What people are shown of functions, by the function: kept as long as one of its tasks is, which is longer than the function. */
export class Sources {
  readonly #kept = new Map<string, { text: string; users: number }>();

  /** One task more has this function. @param text as it came with the function, where that came along. */
  use(functionId: string, text = ''): void {
    const kept = this.#kept.get(functionId);
    if (!kept) this.#kept.set(functionId, { text, users: 1 });
    else {
      kept.users += 1;
      kept.text ||= text;
    }
  }

  leave(functionId: string): void {
    const kept = this.#kept.get(functionId);
    if (kept && --kept.users === 0) this.#kept.delete(functionId);
  }

  of(functionId: string): string {
    return this.#kept.get(functionId)?.text ?? '';
  }
}
