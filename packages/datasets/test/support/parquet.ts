/** Parquet files by hand: what no writer writes. Thrift's compact protocol, as far as it is needed. */

type Item =
  | { readonly int: number }
  | { readonly long: number }
  | { readonly bytes: Uint8Array }
  | { readonly list: readonly Item[] }
  | Struct;
type Struct = { readonly fields: readonly (readonly [id: number, item: Item])[] };

const int = (value: number): Item => ({ int: value });
const long = (value: number): Item => ({ long: value });
const text = (value: string): Item => ({ bytes: Buffer.from(value) });
const list = (...items: Item[]): Item => ({ list: items });
const struct = (...fields: Struct["fields"]): Struct => ({ fields });

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = BigInt(value);
  for (; left >= 128n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  return Buffer.from([...bytes, Number(left)]);
}

const zigzag = (value: number): Buffer => varint(value < 0 ? -2 * value - 1 : 2 * value);
const typeOf = (item: Item): number =>
  "int" in item ? 5 : "long" in item ? 6 : "bytes" in item ? 8 : "list" in item ? 9 : 12;

function encode(item: Item): Buffer {
  if ("int" in item) return zigzag(item.int);
  if ("long" in item) return zigzag(item.long);
  if ("bytes" in item) return Buffer.concat([varint(item.bytes.length), item.bytes]);
  if ("list" in item) {
    const kind = item.list.length > 0 ? typeOf(item.list[0]) : 12;
    const size = item.list.length;
    const head =
      size < 15 ? Buffer.from([(size << 4) | kind]) : Buffer.concat([Buffer.from([0xf0 | kind]), varint(size)]);
    return Buffer.concat([head, ...item.list.map(encode)]);
  }
  let last = 0;
  const fields = item.fields.map(([id, value]) => {
    const head = Buffer.from([((id - last) << 4) | typeOf(value)]);
    last = id;
    return Buffer.concat([head, encode(value)]);
  });
  return Buffer.concat([...fields, Buffer.from([0])]);
}

export interface CraftedPage {
  readonly values: number;
  readonly bytes: Uint8Array;
  /** What the page says that its bytes are before compression; default as many as there are. */
  readonly textBytes?: number;
  /** 0 PLAIN, 8 RLE_DICTIONARY. */
  readonly encoding?: number;
}

export interface Crafted {
  readonly rows: number;
  /** Row groups that are all the same; default 1. */
  readonly groups?: number;
  readonly page: CraftedPage;
  /** int32 values of a dictionary. */
  readonly dictionary?: readonly number[];
  /** 0 none, 1 Snappy, 2 gzip, 4 Brotli. */
  readonly codec?: number;
  readonly isOptional?: boolean;
  readonly layout?: string;
}

const pageOf = (
  kind: number,
  { bytes, textBytes = bytes.length }: CraftedPage,
  field: number,
  header: Struct,
): Buffer =>
  Buffer.concat([encode(struct([1, int(kind)], [2, int(textBytes)], [3, int(bytes.length)], [field, header])), bytes]);

/** A file of int32 columns that all have the same page. */
export function craftParquet(columns: readonly string[], file: Crafted): Buffer {
  const { rows, groups = 1, page, dictionary, codec = 0, isOptional = false, layout } = file;
  const ids = Buffer.from(Int32Array.from(dictionary ?? []).buffer);
  const head = dictionary
    ? pageOf(2, { values: dictionary.length, bytes: ids }, 7, struct([1, int(dictionary.length)], [2, int(0)]))
    : Buffer.alloc(0);
  const body = pageOf(
    0,
    page,
    5,
    struct([1, int(page.values)], [2, int(page.encoding ?? 0)], [3, int(3)], [4, int(3)]),
  );
  const chunkBytes = head.length + body.length;
  const chunk = (name: string) =>
    struct(
      [2, long(0)],
      [
        3,
        struct(
          [1, int(1)],
          [2, list(int(0))],
          [3, list(text(name))],
          [4, int(codec)],
          [5, long(rows)],
          [6, long(chunkBytes)],
          [7, long(chunkBytes)],
          [9, long(4 + head.length)],
          ...(dictionary ? ([[11, long(4)]] as const) : []),
        ),
      ],
    );
  const group = struct([1, list(...columns.map(chunk))], [2, long(chunkBytes * columns.length)], [3, long(rows)]);
  const element = (name: string) => struct([1, int(1)], [3, int(isOptional ? 1 : 0)], [4, text(name)]);
  const footer = encode(
    struct(
      [1, int(1)],
      [2, list(struct([4, text("root")], [5, int(columns.length)]), ...columns.map(element))],
      [3, long(rows * groups)],
      [4, list(...new Array<Item>(groups).fill(group))],
      ...(layout === undefined ? [] : ([[5, list(struct([1, text("fae.layout")], [2, text(layout)]))]] as const)),
    ),
  );
  const size = Buffer.alloc(4);
  size.writeUInt32LE(footer.length);
  return Buffer.concat([Buffer.from("PAR1"), head, body, footer, size, Buffer.from("PAR1")]);
}
