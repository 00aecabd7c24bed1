/** Which of the lines it is that a task has printed. */
export interface LineMark {
  /** The attempt that has printed it. */
  readonly attempt: number;
  /** From 1 in each attempt. */
  readonly number: number;
  /** In ms since 1970, as it came to the coordinator. */
  readonly at: number;
}

/** Before all lines. */
export const NO_LINE: LineMark = { attempt: 0, number: 0, at: 0 };

/** Whether a line was told before, when `newest` was the last that was told. */
export function wasTold(line: LineMark, newest: LineMark): boolean {
  if (line.attempt === newest.attempt) return line.number <= newest.number;
  // An attempt whose server ended may have had a higher number than the one that is made after it.
  return line.attempt < newest.attempt && line.at <= newest.at;
}
