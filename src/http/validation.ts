/** What a validator says, as far as it is used. */
interface SchemaError {
  keyword: string;
  instancePath: string;
  params: Record<string, unknown>;
  message?: string;
}

/** What was wrong, where, and what was expected. */
export function inWords(error: SchemaError | undefined, part: string): Error {
  if (!error) return new Error(`${part}: not as expected`);
  const { keyword, params, message } = error;
  const path = [part, ...error.instancePath.split('/').slice(1)].join('.');
  switch (keyword) {
    case 'additionalProperties':
      return new Error(`${path}: there is no ${JSON.stringify(params['additionalProperty'])}`);
    case 'required':
      return new Error(`${path}: expected ${JSON.stringify(params['missingProperty'])}`);
    case 'enum':
      return new Error(`${path}: expected ${(params['allowedValues'] as unknown[]).join(', ')}`);
    default:
      return new Error(`${path}: ${message ?? 'not as expected'}`);
  }
}
