/** What people are shown of a task, in characters. */
const MAX_SOURCE_PREVIEW = 4_096;
export const MAX_ARGUMENTS_PREVIEW = 1_024;

/** The source of a function as people are shown it. Where that is not all of it, it says so. */
export function sourcePreview(source: string): string {
  if (source.length <= MAX_SOURCE_PREVIEW) return source;
  const [shown, all] = [MAX_SOURCE_PREVIEW, source.length].map((count) => count.toLocaleString('en-US'));
  return `${beginningOf(source, MAX_SOURCE_PREVIEW)}\n… (cut: ${shown} of ${all} characters)`;
}

/** Arguments as people are shown them. */
export function argumentsPreview(words: string): string {
  return words.length <= MAX_ARGUMENTS_PREVIEW ? words : `${beginningOf(words, MAX_ARGUMENTS_PREVIEW)}…`;
}

/** Half a character at its end would not travel. */
function beginningOf(text: string, most: number): string {
  return text.slice(0, most).replace(/[\uD800-\uDBFF]$/, '');
}
