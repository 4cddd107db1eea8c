import type { ColumnMetaData, FileMetaData, PageHeader } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { decompressPage } from "hyparquet/src/datapage.js";
import { readVarInt } from "hyparquet/src/thrift.js";
import { compressors } from "./parquet-compression.js";

/*
 * A Parquet file states how many values its row groups, pages and runs have, and three kilobytes can state billions. What is stated
 * is held against these limits, and against each other, before anything is decoded.
 */

/** Rows of one row group: sixteen times what writers usually give. */
const mostGroupRows = 1 << 24;
/** Values of one row group, which are in memory at once: 1 GiB while they are decoded. */
const mostGroupValues = 1 << 27;
/** Bytes of a page beyond those of its values, and of one value: the widest number takes 16. */
const pageBytes = 1 << 20;
const valueBytes = 64;

const encodings = ["PLAIN", "PLAIN_DICTIONARY", "RLE_DICTIONARY", "RLE", "BYTE_STREAM_SPLIT", "DELTA_BINARY_PACKED"];
const types = ["BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE"];

/** Rows of a row group. @throws RangeError when there are too many to decode at once */
export function groupRows({ num_rows }: FileMetaData["row_groups"][number], columns: number): number {
  const rows = Number(num_rows);
  if (!Number.isSafeInteger(rows) || rows < 0) throw new RangeError(`it states ${num_rows} rows`);
  const most = Math.min(mostGroupRows, Math.floor(mostGroupValues / columns));
  if (rows <= most) return rows;
  throw new RangeError(`it has ${rows} rows of ${columns} columns, more than the ${most} that are read at once`);
}

/**
 * Walks over the pages of a column chunk of a flat column.
 * @param bytes of the chunk
 * @param isOptional whether values may be missing: then each page says which are there
 * @throws RangeError when a page or a run states more than the row group has
 */
export function checkColumn(bytes: ArrayBuffer, column: ColumnMetaData, rows: number, isOptional: boolean): void {
  if (!types.includes(column.type)) throw new RangeError(`it is of type ${column.type}, expected ${types.join(", ")}`);
  const reader = { view: new DataView(bytes), offset: 0 };
  for (let seen = 0; seen < rows && reader.offset < bytes.byteLength - 1; ) {
    const header = parquetHeader(reader);
    const size = header.compressed_page_size;
    if (!(size >= 0 && size <= bytes.byteLength - reader.offset)) throw new RangeError(`a page states ${size} bytes`);
    const values = valuesOf(header);
    const left = header.type === "DICTIONARY_PAGE" ? rows : rows - seen;
    if (!(values >= 0 && values <= left)) throw new RangeError(`a page states ${values} values of ${left}`);
    const text = header.uncompressed_page_size;
    if (!(text >= 0 && text <= pageBytes + valueBytes * values))
      throw new RangeError(`a page states ${text} bytes for ${values} values`);
    checkRuns(header, new Uint8Array(bytes, reader.offset, size), column, values, isOptional);
    reader.offset += size;
    if (header.type !== "DICTIONARY_PAGE") seen += values;
  }
}

function valuesOf({ data_page_header, data_page_header_v2, dictionary_page_header }: PageHeader): number {
  return (data_page_header ?? data_page_header_v2 ?? dictionary_page_header)?.num_values ?? 0;
}

/** Runs of a page: of its levels, and of its values where these are run-length coded. */
function checkRuns(
  { type, data_page_header, data_page_header_v2, uncompressed_page_size }: PageHeader,
  bytes: Uint8Array,
  { codec, type: kind }: ColumnMetaData,
  values: number,
  isOptional: boolean,
): void {
  const head = data_page_header ?? data_page_header_v2;
  if (type === "DICTIONARY_PAGE" || head === undefined) return;
  if (!encodings.includes(head.encoding)) throw new RangeError(`a page has the encoding ${head.encoding}`);
  const isCoded = ["PLAIN_DICTIONARY", "RLE_DICTIONARY", "RLE"].includes(head.encoding);
  if (!isCoded && !isOptional) return;
  let at = 0;
  let page = bytes;
  if (data_page_header_v2) {
    const { repetition_levels_byte_length: before, definition_levels_byte_length: levels } = data_page_header_v2;
    if (isOptional) walkRuns(bytes, before, 1, values);
    page = bytes.subarray(before + levels);
    if (data_page_header_v2.is_compressed !== false)
      page = decompressPage(page, uncompressed_page_size - before - levels, codec, compressors);
  } else {
    page = decompressPage(bytes, uncompressed_page_size, codec, compressors);
    if (isOptional) at = walkPrefixed(page, 0, values);
  }
  if (!isCoded || values === 0) return;
  if (kind === "BOOLEAN") walkPrefixed(page, at, values);
  else if (page[at] > 0) walkRuns(page, at + 1, page[at], values);
}

/** Runs of single bits behind their length in bytes; where they end. */
function walkPrefixed(page: Uint8Array, at: number, values: number): number {
  const bytes = new DataView(page.buffer, page.byteOffset, page.byteLength).getUint32(at, true);
  walkRuns(page, at + 4, 1, values);
  return at + 4 + bytes;
}

/** Values behind the last one that fill a group: writers give a few. */
const padding = 4096;

function walkRuns(page: Uint8Array, from: number, bits: number, values: number): void {
  const reader = { view: new DataView(page.buffer, page.byteOffset, page.byteLength), offset: from };
  for (let seen = 0; seen < values; ) {
    const header = readVarInt(reader);
    const isPacked = (header & 1) === 1;
    const run = (header >>> 1) * (isPacked ? 8 : 1);
    if (run > values - seen + (isPacked ? padding : 0))
      throw new RangeError(`a run states ${run} values of ${values - seen}`);
    reader.offset += isPacked ? (run * bits) / 8 : (bits + 7) >> 3;
    seen += run;
  }
}
