import type { Random } from '../chaos/random.js';
import type { MethodDefinition } from '@grpc/proto-loader';
import type { Method } from '../test/support/rpc.js';
import { anyBytes, anyNumber, anyText, damaged } from './values.js';

interface Field {
  name: string;
  label: string;
  type: string;
  typeName: string;
}
interface MessageType {
  type: { name: string; field: Field[]; enumType?: { value: { name: string }[] } };
}

/** The messages of the contract by their short names, for the fields that hold them. */
export type Messages = ReadonlyMap<string, Field[]>;

export function messagesIn(definition: object): Messages {
  const types = Object.values(definition) as Partial<MessageType>[];
  return new Map(types.flatMap(({ type }) => (type?.field ? [[type.name, type.field] as const] : [])));
}

/** One message for a method: nearly in order, damaged, or not at all. */
export function grpcInput(random: Random, method: Method, messages: Messages): Buffer {
  const chance = random.next();
  if (chance < 0.1) return anyBytes(random);
  const { type } = (method as unknown as MethodDefinition<object, object>).requestType as MessageType;
  const bytes = Buffer.from(method.requestSerialize(message(random, type.field, messages, 3)));
  return chance < 0.7 ? bytes : damaged(random, bytes);
}

function message(random: Random, fields: Field[], messages: Messages, depth: number): object {
  return Object.fromEntries(
    fields.flatMap((field) => {
      if (random.next() < 0.4) return [];
      const one = () => valueOf(random, field, messages, depth);
      const isList = field.label === 'LABEL_REPEATED';
      const value = isList ? Array.from({ length: random.whole(0, 3) }, one) : one();
      return value === undefined ? [] : [[field.name, value]];
    }),
  );
}

function valueOf(random: Random, field: Field, messages: Messages, depth: number): unknown {
  switch (field.type) {
    case 'TYPE_STRING':
      return field.name === 'source' ? random.of(['() => 1', '(', '']) : anyText(random);
    case 'TYPE_BYTES':
      return anyBytes(random, random.next() < 0.05 ? 4_000 : 64);
    case 'TYPE_BOOL':
      return random.next() < 0.5;
    case 'TYPE_ENUM':
      return random.whole(0, 9);
    case 'TYPE_MESSAGE': {
      const inner = messages.get(field.typeName.split('.').at(-1) ?? '');
      return inner && depth > 0 ? message(random, inner, messages, depth - 1) : undefined;
    }
    case 'TYPE_DOUBLE':
    case 'TYPE_FLOAT':
      return random.next() < 0.2 ? random.of([Number.NaN, Infinity, -Infinity]) : anyNumber(random);
    default:
      return Math.trunc(anyNumber(random));
  }
}
