/** What the grapher refuses, in one sentence that says where (file, line) and what to do. */
export class GrapherError extends Error {
  override readonly name = 'GrapherError';
}
