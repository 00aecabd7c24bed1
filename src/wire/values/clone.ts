import { types } from 'node:util';
import { Deserializer, Serializer } from 'node:v8';
import { messageOf, PoolError } from '../../core/errors.js';
import { checkSize } from './size-limit.js';
import { survey, type UsedRange } from './survey.js';
import { findUncloneable, isError, putMemory } from './uncloneable.js';

export { putMemory };

/**
 * Structured clone to bytes and back: V8's own format, with two things added.
 *
 * Errors keep their name, their class among the built-in ones, the name of one that is not, and their own fields: beside the
 * value goes a list of `[error, class, name, fields, subclass]`, whose errors are the very ones in the value, so that cycles
 * through errors work.
 *
 * Views (typed arrays, DataView, Buffer) carry the used part of their buffer and nothing else of it; views that share a
 * buffer still do. A decoded view never looks into the message it came in.
 */
const PLAIN = 0;
const WITH_ERRORS = 1;

type ErrorEntry = [
  error: object,
  className: string,
  name: string,
  fields: [key: string, value: unknown][],
  /** What its class is called, where that is one of its own. Unknown to versions before. */
  subclass?: string | undefined,
];

const VIEW_TYPES = [
  'Buffer',
  'DataView',
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'Float16Array',
] as const;

const ERROR_CLASSES: Record<string, ErrorConstructor> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError: AggregateError as unknown as ErrorConstructor,
};

/** Longer texts are encoded by themselves, in characters. */
const SHORT = 4_096;

/**
 * Whether a value may share an encoding with others: nothing in it can be shared or changed later, and it takes little
 * room.
 */
export function isSmallPrimitive(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
      return value.length <= SHORT;
    case 'number':
    case 'boolean':
    case 'undefined':
      return true;
    case 'bigint':
      return value >= -(2n ** 1_024n) && value <= 2n ** 1_024n;
    default:
      return value === null;
  }
}

/**
 * @param label how an error message names the value: "the result".
 * @throws PoolError `not-cloneable`, naming the path to the part that cannot be sent; `too-large`
 */
export function encodeClone(value: unknown, label: string): Buffer {
  let hidden: HiddenCause[] = [];
  try {
    const { errors, ranges, leastBytes } = survey(value);
    // Before it is copied: there may be no room for that.
    checkSize(leastBytes, label);
    const serializer = new ValueSerializer(ranges);
    serializer.writeHeader();
    serializer.writeUint32(errors.length > 0 ? WITH_ERRORS : PLAIN);
    if (errors.length === 0) serializer.writeValue(value);
    else {
      const entries = errors.map(({ error, fields }): ErrorEntry => [
        error,
        classOf(error),
        error.name,
        fields,
        subclassOf(error),
      ]);
      hidden = hideCauses(errors);
      serializer.writeValue([value, entries]);
    }
    return serializer.releaseBuffer();
  } catch (error) {
    if (error instanceof PoolError && error.code === 'too-large') throw error;
    const found = findUncloneable(value);
    const reason = found ? `${label}${found.path} is ${found.what}` : `${label}: ${messageOf(error)}`;
    throw new PoolError('not-cloneable', `${reason}, which cannot be copied to another process`, {
      cause: error,
    });
  } finally {
    for (const { error, cause } of hidden) Object.defineProperty(error, 'cause', cause);
  }
}

interface HiddenCause {
  error: Error;
  cause: PropertyDescriptor;
}

/**
 * Takes the causes off errors, until they are put back: they go with the other fields. As V8 itself writes an error with a
 * cause, one version of Node cannot read what another has written (20 and 22), and a cause that cannot be sent fails it.
 */
function hideCauses(errors: readonly { error: Error }[]): HiddenCause[] {
  return errors.flatMap(({ error }) => {
    const cause = Object.getOwnPropertyDescriptor(error, 'cause');
    // A frozen one keeps it.
    return cause?.configurable && Reflect.deleteProperty(error, 'cause') ? [{ error, cause }] : [];
  });
}

/** @throws PoolError `invalid-argument` when the bytes are not what `encodeClone` writes. */
export function decodeClone(bytes: Uint8Array): unknown {
  try {
    const deserializer = new ValueDeserializer(bytes);
    deserializer.readHeader();
    const kind = deserializer.readUint32();
    if (kind === PLAIN) return deserializer.readValue();
    if (kind !== WITH_ERRORS) throw new Error(`unknown form ${kind}`);
    const [value, entries] = deserializer.readValue() as [unknown, ErrorEntry[]];
    for (const entry of entries) restoreError(...entry);
    return value;
  } catch (error) {
    throw new PoolError('invalid-argument', `a payload cannot be decoded: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

// Documented by Node, missing in its types.
interface ViewsAsHostObjects {
  _setTreatArrayBufferViewsAsHostObjects(flag: boolean): void;
}

class ValueSerializer extends Serializer {
  readonly #ranges: ReadonlyMap<ArrayBufferLike, UsedRange>;
  readonly #parts = new Map<ArrayBufferLike, ArrayBuffer>();

  constructor(ranges: ReadonlyMap<ArrayBufferLike, UsedRange>) {
    super();
    this.#ranges = ranges;
    (this as unknown as ViewsAsHostObjects)._setTreatArrayBufferViewsAsHostObjects(true);
  }

  /** V8 calls this for what it takes no responsibility for; all but views has no form of its own here. */
  _writeHostObject(view: unknown): void {
    if (!ArrayBuffer.isView(view) || !(types.isArrayBuffer(view.buffer) || putMemory.has(view.buffer)))
      throw new Error('a host object');
    const range = this.#ranges.get(view.buffer) ?? {
      start: view.byteOffset,
      end: view.byteOffset + view.byteLength,
    };
    this.writeUint32(VIEW_TYPES.indexOf(viewType(view)));
    this.writeUint32(view.byteOffset - range.start);
    this.writeUint32(view.byteLength);
    this.writeValue(this.#partOf(view.buffer, range));
  }

  /** V8 recognises a buffer it has written before, so that two views of one come out as two views of one. */
  #partOf(buffer: ArrayBufferLike, range: UsedRange): ArrayBuffer {
    if (types.isArrayBuffer(buffer) && range.start === 0 && range.end === buffer.byteLength) return buffer;
    const known = this.#parts.get(buffer) ?? copyOf(buffer, range);
    this.#parts.set(buffer, known);
    return known;
  }
}

class ValueDeserializer extends Deserializer {
  _readHostObject(): ArrayBufferView {
    const type = VIEW_TYPES[this.readUint32()];
    const offset = this.readUint32();
    const length = this.readUint32();
    const buffer: unknown = this.readValue();
    if (!types.isArrayBuffer(buffer) || !type) throw new Error('a view without a buffer');
    return viewOf(type, buffer, offset, length);
  }
}

export type ViewType = (typeof VIEW_TYPES)[number];

export function isViewType(name: string): name is ViewType {
  return (VIEW_TYPES as readonly string[]).includes(name);
}

/** @param length in bytes. */
export function viewOf(
  type: ViewType,
  buffer: ArrayBufferLike,
  offset: number,
  length: number,
): ArrayBufferView {
  if (type === 'Buffer') return Buffer.from(buffer, offset, length);
  if (type === 'DataView') return new DataView(buffer, offset, length);
  const View = (globalThis as unknown as Record<string, Uint8ArrayConstructor | undefined>)[type];
  if (!View) throw new Error(`this version of Node has no ${type}`);
  return new View(buffer, offset, length / View.BYTES_PER_ELEMENT);
}

/** Memory of its own, shared by nobody, whatever that of the buffer is. */
function copyOf(buffer: ArrayBufferLike, { start, end }: UsedRange): ArrayBuffer {
  const copy = new ArrayBuffer(end - start);
  new Uint8Array(copy).set(new Uint8Array(buffer, start, end - start));
  return copy;
}

export function viewType(view: ArrayBufferView): (typeof VIEW_TYPES)[number] {
  if (Buffer.isBuffer(view)) return 'Buffer';
  const tag = (view as Partial<Uint8Array>)[Symbol.toStringTag] ?? 'DataView';
  return VIEW_TYPES.find((type) => type === tag) ?? 'Uint8Array';
}

/** The nearest built-in class of an error; by name, because an error may come from another realm. */
function classOf(error: Error): string {
  for (
    let proto: unknown = Object.getPrototypeOf(error);
    isObject(proto);
    proto = Object.getPrototypeOf(proto)
  ) {
    const maker: unknown = Object.getOwnPropertyDescriptor(proto, 'constructor')?.value;
    if (typeof maker === 'function' && Object.hasOwn(ERROR_CLASSES, maker.name)) return maker.name;
  }
  return 'Error';
}

/** The name of its class, where that is none of the built-in ones. */
function subclassOf(error: Error): string | undefined {
  const proto = Object.getPrototypeOf(error) as unknown;
  const maker: unknown = isObject(proto) ? proto.constructor : undefined;
  if (typeof maker !== 'function' || typeof maker.name !== 'string') return undefined;
  return maker.name === '' || Object.hasOwn(ERROR_CLASSES, maker.name) || maker.name === 'DOMException'
    ? undefined
    : maker.name;
}

/** Classes that stand for those of another process, by their base and name. */
const subclasses = new Map<string, ErrorConstructor>();
const MAX_SUBCLASSES = 1_000;

function subclass(Base: ErrorConstructor, name: string): ErrorConstructor {
  const key = `${Base.name} ${name}`;
  let Class = subclasses.get(key);
  if (!Class) {
    // A class takes the name of the field that it is given to: no source is made of it.
    Class = { [name]: class extends Base {} }[name] as unknown as ErrorConstructor;
    if (subclasses.size < MAX_SUBCLASSES) subclasses.set(key, Class);
  }
  return Class;
}

function restoreError(
  error: object,
  className: string,
  name: string,
  fields: [string, unknown][],
  subclassName?: string,
): void {
  const Base = (Object.hasOwn(ERROR_CLASSES, className) ? ERROR_CLASSES[className] : undefined) ?? Error;
  const Class = typeof subclassName === 'string' ? subclass(Base, subclassName) : Base;
  Object.setPrototypeOf(error, Class.prototype);
  for (const [key, value] of fields) define(error, key, value, !isHidden(key));
  if (isError(error) && error.name !== name) define(error, 'name', name, false);
}

/** Defined, never assigned: a field called `__proto__` stays data. */
function define(target: object, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(target, key, { value, enumerable, writable: true, configurable: true });
}

function isHidden(key: string): boolean {
  return key === 'message' || key === 'stack' || key === 'cause' || key === 'errors';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
