/** What of a task people look for, one below the other. */
export function textOfTask(
  { id, name, preview }: { id: string; name: string; preview: string },
  failure: { message: string } | undefined,
): string {
  return lowered([name, id, preview, failure?.message ?? ''].join('\n'));
}

/** As SQLite does it: of letters without accents alone. So all stores find the same. */
export function lowered(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** The same as `textOfTask`, of a row. */
export const TEXT_OF_ROW =
  "lower(name || char(10) || id || char(10) || coalesce(json_extract(spec, '$.preview'), '') || char(10) || " +
  "coalesce(json_extract(failure, '$.message'), ''))";
