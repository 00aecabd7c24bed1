/** What a validator says, as far as it is used; it has to be a verbose one. */
interface SchemaError {
  keyword: string;
  instancePath: string;
  params: Record<string, unknown>;
  message?: string;
  parentSchema?: object | undefined;
  data?: unknown;
}

interface Schema {
  type?: string | string[];
  description?: string;
  properties?: Record<string, unknown>;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
}

/** How the parts of a request are called. What is in the path is known by its own name. */
const PARTS: Record<string, string> = { params: '', querystring: 'query', headers: 'header' };

const TYPES: Record<string, string> = {
  string: 'a string',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  null: 'null',
};

/** Of what was sent so much is shown, in characters. */
const MAX_SHOWN = 40;

/** What was wrong, where, and what was expected. */
export function inWords(error: SchemaError | undefined, part: string): Error {
  const root = PARTS[part] ?? part;
  if (!error) return new Error(`${root}: not as expected`);
  const { keyword, params, parentSchema, data } = error;
  const schema = (parentSchema ?? {}) as Schema;
  const where = [root, ...error.instancePath.split('/').slice(1)].filter((word) => word !== '').join('.');
  switch (keyword) {
    case 'additionalProperties':
      return new Error(
        `${where}: there is no ${JSON.stringify(params['additionalProperty'])}; there is ${Object.keys(schema.properties ?? {}).join(', ')}`,
      );
    case 'required':
      return new Error(`${where}: expected ${JSON.stringify(params['missingProperty'])}`);
    default:
      return new Error(`${where}: expected ${expectedBy(error, schema)}, got ${shown(data)}`);
  }
}

function expectedBy({ keyword, params, message = 'something else' }: SchemaError, schema: Schema): string {
  switch (keyword) {
    case 'enum':
      return oneOf((params['allowedValues'] as unknown[]).map(String));
    case 'pattern':
      return schema.description ?? message;
    case 'minLength':
    case 'maxLength':
      return `${range(schema.minLength, schema.maxLength)} character${schema.maxLength === undefined && schema.minLength === 1 ? '' : 's'}`;
    case 'maxItems':
      return `at most ${schema.maxItems?.toLocaleString('en')} of them`;
    case 'minimum':
    case 'exclusiveMinimum':
    case 'maximum':
    case 'type':
      return oneOf([schema.type ?? []].flat().map((type) => TYPES[type] ?? numberIn(type, schema)));
    default:
      return message;
  }
}

function numberIn(type: string, { minimum, exclusiveMinimum, maximum }: Schema): string {
  const number = type === 'integer' ? 'a whole number' : 'a number';
  const bounds = exclusiveMinimum === undefined ? range(minimum, maximum) : `above ${exclusiveMinimum}`;
  return bounds === '' ? number : `${number} ${/^\d|^-/.test(bounds) ? 'from ' : ''}${bounds}`;
}

function range(least: number | undefined, most: number | undefined): string {
  const [from, to] = [least, most].map((bound) => bound?.toLocaleString('en'));
  if (from === undefined) return to === undefined ? '' : `at most ${to}`;
  return to === undefined ? `at least ${from}` : `${from} to ${to}`;
}

function oneOf(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function shown(data: unknown): string {
  if (Array.isArray(data)) return data.length === 1 ? 'an array of one' : `an array of ${data.length}`;
  if (data === undefined) return 'nothing';
  if (typeof data === 'object' && data !== null) return 'an object';
  if (typeof data !== 'string' || data.length <= MAX_SHOWN) return JSON.stringify(data);
  return `${JSON.stringify(data.slice(0, MAX_SHOWN))}… (${data.length.toLocaleString('en')} characters)`;
}
