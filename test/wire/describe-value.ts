import { types } from 'node:util';

/**
 * Writes a value down such that two values have the same text exactly when they are the same in every respect that
 * structured clone keeps: kinds, own fields, holes, -0, cycles and what is shared; whatever realm they come from.
 */
export function describeValue(root: unknown): string {
  const numbers = new Map<object, number>();
  const describe = (value: unknown): string => {
    if (typeof value !== 'object' || value === null) return primitive(value);
    const known = numbers.get(value);
    if (known !== undefined) return `#${known}`;
    numbers.set(value, numbers.size);
    return `#${numbers.size - 1}=${kindOf(value)}(${content(value).join(', ')})`;
  };
  const content = (value: object): string[] => {
    if (types.isMap(value)) return [...value].map(([key, item]) => `${describe(key)} => ${describe(item)}`);
    if (types.isSet(value)) return [...value].map(describe);
    if (ArrayBuffer.isView(value)) {
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
      return [bytes, `buffer ${describe(value.buffer)}`];
    }
    if (types.isAnyArrayBuffer(value)) return [`${value.byteLength} bytes`];
    const own = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${describe(item)}`);
    return [...inner(value, describe), ...own];
  };
  return describe(root);
}

function primitive(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  return Object.is(value, -0) ? '-0' : String(value);
}

function kindOf(value: object): string {
  return Buffer.isBuffer(value) ? 'Buffer' : Object.prototype.toString.call(value);
}

/** What is not in a value's enumerable fields. */
function inner(value: object, describe: (part: unknown) => string): string[] {
  if (types.isDate(value)) return [String(value.getTime())];
  if (types.isRegExp(value)) return [String(value)];
  if (types.isBoxedPrimitive(value)) return [primitive(value.valueOf())];
  if (Array.isArray(value)) return [`length ${value.length}`];
  if (types.isNativeError(value)) {
    const { name, message, cause } = value;
    const errors: unknown = Reflect.get(value, 'errors');
    return [name, JSON.stringify(message), describe(cause), describe(errors)];
  }
  return [];
}
