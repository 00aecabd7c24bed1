/** Server-sent events out of text as it comes, which may be half of one. */
export class EventText {
  #rest = '';

  /** @returns those that are whole by now; their data is JSON. */
  add(text: string): { type: string; data: unknown }[] {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => {
      const type = /^event: (.*)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1];
      return type === undefined || data === undefined ? [] : [{ type, data: JSON.parse(data) as unknown }];
    });
  }
}
