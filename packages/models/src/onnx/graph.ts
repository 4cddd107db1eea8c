import { Message } from "./protobuf.js";

/** ONNX element types that a program needs. */
export const onnxTypes = { float32: 1, int64: 7 } as const;
export type OnnxType = keyof typeof onnxTypes;

export type Dimension = number | "N";

/** A tensor kept in the file beside the model: `bytes` at `offset`. */
export interface ExternalTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly bytes: number;
}

/** ONNX Runtime maps external tensors; mapping wants this alignment. */
const alignment = 65536;

/** Collects the nodes and tensors of an ONNX graph (IR version 8, opset 17). */
export class Graph {
  readonly external: ExternalTensor[] = [];
  readonly #graph = new Message();
  readonly #metadata: Message[] = [];
  readonly #dataFile: string;
  #names = 0;
  #end = 0;

  constructor(name: string, dataFile: string) {
    this.#graph.text(2, name);
    this.#dataFile = dataFile;
  }

  /** Bytes of the file of external tensors. */
  get dataBytes(): number {
    return this.#end;
  }

  input(name: string, type: OnnxType, shape: readonly Dimension[]): string {
    this.#graph.message(11, valueInfo(name, type, shape));
    return name;
  }

  output(name: string, type: OnnxType, shape: readonly Dimension[]): void {
    this.#graph.message(12, valueInfo(name, type, shape));
  }

  /** A float32 tensor in the data file, placed behind those before it. */
  weight(name: string, shape: readonly number[]): string {
    const bytes = 4 * shape.reduce((product, n) => product * n, 1);
    const offset = Math.ceil(this.#end / alignment) * alignment;
    this.#end = offset + bytes;
    this.external.push({ name, shape, offset, bytes });
    const tensor = tensorHeader(name, "float32", shape).int(14, 1);
    for (const [key, value] of [
      ["location", this.#dataFile],
      ["offset", `${offset}`],
      ["length", `${bytes}`],
    ])
      tensor.message(13, new Message().text(1, key).text(2, value));
    this.#graph.message(5, tensor);
    return name;
  }

  /** A small constant inside the model. */
  ints(values: readonly number[]): string {
    const name = this.#name("c");
    const data = new BigInt64Array(values.map(BigInt));
    this.#graph.message(5, tensorHeader(name, "int64", [values.length]).bytes(9, new Uint8Array(data.buffer)));
    return name;
  }

  float(value: number): string {
    const name = this.#name("c");
    const data = new Float32Array([value]);
    this.#graph.message(5, tensorHeader(name, "float32", []).bytes(9, new Uint8Array(data.buffer)));
    return name;
  }

  /** Adds a node with one output and returns the output's name. Attributes are integers or lists of integers. */
  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, number | readonly number[]>> = {},
    output: string = this.#name("v"),
  ): string {
    const node = new Message();
    for (const input of inputs) node.text(1, input);
    node.text(2, output).text(3, output).text(4, type);
    for (const [name, value] of Object.entries(attributes)) {
      const attribute = new Message().text(1, name);
      if (typeof value === "number") attribute.int(3, value).int(20, 2);
      else {
        for (const item of value) attribute.int(8, item);
        attribute.int(20, 7);
      }
      node.message(5, attribute);
    }
    this.#graph.message(1, node);
    return output;
  }

  /** A text that the model carries. */
  metadata(key: string, value: string): void {
    this.#metadata.push(new Message().text(1, key).text(2, value));
  }

  /** The serialised ModelProto. */
  finish(): Uint8Array {
    const model = new Message()
      .int(1, 8)
      .text(2, "fae")
      .message(7, this.#graph)
      .message(8, new Message().text(1, "").int(2, 17));
    for (const entry of this.#metadata) model.message(14, entry);
    return model.finish();
  }

  #name(prefix: string): string {
    return `${prefix}${this.#names++}`;
  }
}

function tensorHeader(name: string, type: OnnxType, shape: readonly number[]): Message {
  const tensor = new Message();
  for (const n of shape) tensor.int(1, n);
  return tensor.int(2, onnxTypes[type]).text(8, name);
}

function valueInfo(name: string, type: OnnxType, shape: readonly Dimension[]): Message {
  const dimensions = new Message();
  for (const n of shape)
    dimensions.message(1, typeof n === "number" ? new Message().int(1, n) : new Message().text(2, n));
  const tensor = new Message().int(1, onnxTypes[type]).message(2, dimensions);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}
