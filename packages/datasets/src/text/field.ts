/**
 * What one field of a raw log may hold and what becomes of it. Every kind but the skipped ones gives one int32.
 *
 * | kind | accepts | gives |
 * |---|---|---|
 * | `label` | `0` or `1` * | the value |
 * | `count` | an int32 in decimal *, or nothing | the value, 0 for a negative one and for nothing |
 * | `hex-or-missing` | 1 to 8 hex digits, or nothing | the SIGNED 32-bit key, 0 for nothing |
 * | `hex` | 1 to 8 hex digits | the SIGNED 32-bit key |
 * | `integer` | an int32 in decimal * | the value |
 * | `natural` | a decimal from 0 to 2^31 - 1 * | the value |
 * | `hour` | `YYMMDDHH` | HH |
 * | `skipped` | any text | nothing |
 *
 * `*` With a decimal point and zeros too, as in `5.0`: that is how programs write integers of a column with missing values.
 */
export type FieldKind = "label" | "count" | "hex-or-missing" | "hex" | "integer" | "natural" | "hour" | "skipped";

export interface Field {
  readonly name: string;
  readonly kind: FieldKind;
}

/** How a line is cut: fields in order, one delimiter byte. */
export interface LineFormat {
  readonly delimiter: "\t" | ",";
  readonly fields: readonly Field[];
}

/** Kinds that leave a word in the parsed row. */
export const isKept = (kind: FieldKind): boolean => kind !== "skipped";
