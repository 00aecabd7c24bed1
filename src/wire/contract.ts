import {
  type Client,
  makeClientConstructor,
  type MethodDefinition,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import protobuf, { type INamespace, type Service, type Type } from 'protobufjs/light.js';

type Message = Record<string, unknown>;

/** As the type generator in package.json is told: the types are true only while they agree. */
const AS_OBJECTS = { longs: Number, enums: String, bytes: Buffer, defaults: true, oneofs: true };

/** A client of a service, of the generated type. */
type ClientOf<C extends Client> = new (...args: ConstructorParameters<typeof Client>) => C;

/**
 * The services of a contract that the build has read (scripts/build-contract.mjs). @grpc/proto-loader makes the same of the
 * files; it also encodes what reflection serves, in every process that loads it, which is a third of what loading takes.
 *
 * @param contract of src/wire/generated.
 */
export function servicesOf(contract: string) {
  const root = protobuf.Root.fromJSON(JSON.parse(contract) as INamespace);
  root.resolveAll();
  return <C extends Client, D>(name: string): { client: ClientOf<C>; service: D & ServiceDefinition } => {
    const service = serviceDefinition(root.lookupService(`offhand.v1.${name}`), `offhand.v1.${name}`);
    // It is built at run time; that it has the generated type is what the contract is for.
    const client = makeClientConstructor(service, name) as unknown as ClientOf<C>;
    return { client, service: service as D & ServiceDefinition };
  };
}

function serviceDefinition(service: Service, path: string): ServiceDefinition {
  return Object.fromEntries(
    service.methodsArray.map((method): [string, MethodDefinition<Message, Message>] => {
      const { name, requestStream, responseStream, resolvedRequestType, resolvedResponseType } = method;
      if (!resolvedRequestType || !resolvedResponseType) throw new Error(`${path}/${name} has no types`);
      return [
        name,
        {
          path: `/${path}/${name}`,
          originalName: name.charAt(0).toLowerCase() + name.slice(1),
          requestStream: requestStream === true,
          responseStream: responseStream === true,
          requestSerialize: serializer(resolvedRequestType),
          requestDeserialize: deserializer(resolvedRequestType),
          responseSerialize: serializer(resolvedResponseType),
          responseDeserialize: deserializer(resolvedResponseType),
        },
      ];
    }),
  );
}

function serializer(type: Type): (message: Message) => Buffer {
  return (message) => type.encode(type.fromObject(message)).finish() as Buffer;
}

function deserializer(type: Type): (bytes: Buffer) => Message {
  return (bytes) => type.toObject(type.decode(bytes), AS_OBJECTS);
}
