// gRPC reflection, v1 and v1alpha: clients such as `buf curl` and `grpcurl` need no schema of their own.
// 1. It hands out the schema of the services named, which is public, and nothing else; so it needs no token.

import { createRegistry, toBinary } from "@bufbuild/protobuf";
import type { DescFile, DescService, Registry } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { REFLECTION_SYMBOL_LENGTH_MAX } from "../base/limits.ts";
import type { ServerReflectionRequest } from "../gen/grpc/reflection/v1/reflection_pb.ts";

/** The fields of a question that both versions of the protocol share. */
interface Question {
  readonly host: string;
  readonly messageRequest:
    | Exclude<ServerReflectionRequest["messageRequest"], { case: "fileContainingExtension" }>
    | { case: "fileContainingExtension"; value: { readonly containingType: string; readonly extensionNumber: number } };
}

/** An answer, as both versions spell it. */
type Answer =
  | { readonly case: "fileDescriptorResponse"; readonly value: { readonly fileDescriptorProto: Uint8Array[] } }
  | { readonly case: "allExtensionNumbersResponse"; readonly value: { readonly baseTypeName: string; readonly extensionNumber: number[] } }
  | { readonly case: "listServicesResponse"; readonly value: { readonly service: { readonly name: string }[] } }
  | { readonly case: "errorResponse"; readonly value: { readonly errorCode: number; readonly errorMessage: string } };

/** Answers questions about the files that declare `services`. */
export class SchemaBook {
  readonly #services: readonly DescService[];
  readonly #files: ReadonlyMap<string, DescFile>;
  readonly #registry: Registry;

  constructor(services: readonly DescService[]) {
    this.#services = services;
    const files = new Map<string, DescFile>();
    for (const { file } of services) collect(file, files);
    this.#files = files;
    this.#registry = createRegistry(...files.values());
  }

  /** The answer to one question; what has no answer is an error inside it, as the protocol wants it. */
  answer({ messageRequest }: Question): Answer {
    switch (messageRequest.case) {
      case "listServices":
        return { case: "listServicesResponse", value: { service: this.#services.map(({ typeName }) => ({ name: typeName })) } };
      case "fileByFilename":
        return fileAnswer(this.#files.get(messageRequest.value), messageRequest.value);
      case "fileContainingSymbol":
        return fileAnswer(this.#fileOf(messageRequest.value), messageRequest.value);
      case "fileContainingExtension": {
        const { containingType, extensionNumber } = messageRequest.value;
        const extendee = this.#registry.getMessage(containingType);
        const found = extendee === undefined ? undefined : this.#registry.getExtensionFor(extendee, extensionNumber);
        return fileAnswer(found?.file, `extension ${extensionNumber} of ${containingType}`);
      }
      case "allExtensionNumbersOfType":
        return this.#extensionsOf(messageRequest.value);
      case undefined:
        return errorAnswer(Code.InvalidArgument, "the request asks nothing");
      default:
        return errorAnswer(Code.Unimplemented, "this service does not know the question");
    }
  }

  /** The file that declares a type, or the type that a field, a method or an enum value belongs to. */
  #fileOf(symbol: string): DescFile | undefined {
    if (symbol.length > REFLECTION_SYMBOL_LENGTH_MAX) return undefined;
    const name = symbol.replace(/^\./, "");
    const owner = name.slice(0, Math.max(0, name.lastIndexOf(".")));
    return (this.#registry.get(name) ?? this.#registry.get(owner))?.file;
  }

  #extensionsOf(typeName: string): Answer {
    const extendee = this.#registry.getMessage(typeName);
    if (extendee === undefined) return notFound(typeName);
    const numbers = [...this.#registry].flatMap((type) =>
      type.kind === "extension" && type.extendee.typeName === typeName ? [type.number] : [],
    );
    return { case: "allExtensionNumbersResponse", value: { baseTypeName: typeName, extensionNumber: numbers } };
  }
}

/** The answers to a stream of questions, in either version of the protocol. */
export async function* reflect<Q extends Question>(book: SchemaBook, questions: AsyncIterable<Q>) {
  for await (const question of questions) {
    yield { validHost: question.host, originalRequest: question, messageResponse: book.answer(question) };
  }
}

function collect(file: DescFile, files: Map<string, DescFile>): void {
  if (files.has(file.proto.name)) return;
  files.set(file.proto.name, file);
  for (const dependency of file.dependencies) collect(dependency, files);
}

/** The file and everything that it imports, each before what imports it is asked for. */
function fileAnswer(file: DescFile | undefined, asked: string): Answer {
  if (file === undefined) return notFound(asked);
  const files = new Map<string, DescFile>();
  collect(file, files);
  return {
    case: "fileDescriptorResponse",
    value: { fileDescriptorProto: [...files.values()].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto)) },
  };
}

function notFound(asked: string): Answer {
  return errorAnswer(Code.NotFound, `no such thing in this service's schema: ${asked.slice(0, REFLECTION_SYMBOL_LENGTH_MAX)}`);
}

function errorAnswer(errorCode: Code, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}
