import { type ColumnSample, mostDistinct } from "./column-sample.js";
import { timeReader } from "./time.js";

/** What a column is proposed for. */
export interface ColumnUse {
  readonly kind: "time" | "dense" | "table" | "none";
  /** More of the entry, e.g. `, fill: 30`. */
  readonly options: string;
  readonly why: string;
  /** Of a time. */
  readonly format?: string;
  readonly isNumeric: boolean;
}

const isNumber = (text: string): boolean => /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text);
const isInteger = (text: string): boolean => /^-?\d+$/.test(text);
/** Integers that are names of things, not amounts. */
const keyName =
  /(^|_|\b)(id|ids|key|code|type|category|cat|class|zip|pos|position|slot|idx|index)$|[a-z](Id|ID)$|^C\d+$/i;
const timeName = /time|date|hour|timestamp|(^|_)ts$/i;

export function useOf(sample: ColumnSample): ColumnUse {
  const { name, distinct, rows, missing, isList } = sample;
  const values = [...distinct.keys()];
  const isNumeric = values.length > 0 && values.every(isNumber);
  const count = distinct.size >= mostDistinct ? `over ${mostDistinct}` : `${distinct.size}`;
  const gaps = missing > 0 ? `, ${missing} of ${rows} missing` : "";
  const none = (why: string): ColumnUse => ({ kind: "none", options: "", why, isNumeric });
  const table = (options: string, why: string): ColumnUse => ({ kind: "table", options, why, isNumeric });
  if (values.length === 0) return none("every cell is empty");
  if (distinct.size === 1 && missing === 0) return none(`always ${JSON.stringify(values[0]).slice(0, 40)}`);
  if (isList)
    return table(
      `, list: { most: ${sample.longest}, longer: last }`,
      `lists of up to ${sample.longest}, ${count} values`,
    );
  const format = timeFormat(name, values);
  if (format) return { kind: "time", options: "", why: `times in the form of ${values[0]}`, format, isNumeric };
  if (isNumeric && !(values.every(isInteger) && (keyName.test(name) || distinct.size <= 20 || values.some(isHuge))))
    return { kind: "dense", isNumeric, ...denseOf(sample, gaps) };
  const separator = isNumeric ? null : separatorOf(values);
  if (separator) {
    const longest = Math.max(...values.map((value) => value.split(separator).length));
    const options = `, list: { separator: ${JSON.stringify(separator)}, most: ${longest}, longer: last }`;
    return table(options, `lists of up to ${longest}${gaps}`);
  }
  const seen = rows - missing;
  if (seen >= 100 && distinct.size > 0.95 * seen && !/user|item|product/i.test(name))
    return none(`${count} values in ${seen} rows: nearly each row has its own`);
  return table(isNumeric ? ", type: integer" : "", `${count} values${gaps}`);
}

/** Integers beyond 2^31 are rather keys than amounts. */
const isHuge = (text: string): boolean => Math.abs(Number(text)) > 2 ** 31;

function denseOf({ distinct, missing }: ColumnSample, gaps: string): { options: string; why: string } {
  const numbers = [...distinct].map(([text, count]) => ({ value: Number(text), count }));
  numbers.sort((a, b) => a.value - b.value);
  const [least, most] = [numbers[0].value, numbers[numbers.length - 1].value];
  const half = numbers.reduce((sum, { count }) => sum + count, 0) / 2;
  let seen = 0;
  let middle = least;
  for (let i = 0; seen < half; i++) {
    middle = numbers[i].value;
    seen += numbers[i].count;
  }
  const fill = missing > 0 ? `, fill: ${middle}` : "";
  const isSkewed = least >= 0 && most > 10 * Math.max(1, middle);
  const why = `${least} to ${most}, middle ${middle}${gaps}`;
  return { options: `${fill}, transform: ${isSkewed ? "log1p" : "z-score"}`, why };
}

function timeFormat(name: string, values: readonly string[]): string | null {
  const iso = timeReader("iso");
  if (values.every((value) => !Number.isNaN(iso(value)) && value.includes("-"))) return "iso";
  if (!timeName.test(name) || !values.every(isNumber)) return null;
  const numbers = values.map(Number);
  const within = (low: number, high: number) => numbers.every((n) => n >= low && n < high);
  if (within(1e8, 1e10)) return values.every((value) => /^\d{8}$/.test(value)) ? dateFormat(values) : "unix-s";
  if (within(1e11, 1e13)) return "unix-ms";
  if (within(1e14, 1e16)) return "unix-us";
  return values.every((value) => /^\d{8}$/.test(value)) ? dateFormat(values) : null;
}

function dateFormat(values: readonly string[]): string | null {
  for (const format of ["YYYYMMDD", "YYMMDDHH"]) {
    const read = timeReader(format);
    if (values.every((value) => !Number.isNaN(read(value)))) return format;
  }
  return null;
}

/** What stands between values that come again in other cells. */
function separatorOf(values: readonly string[]): string | null {
  for (const separator of ["|", ";", ",", " "]) {
    const cut = values.filter((value) => value.includes(separator));
    if (cut.length < 0.2 * values.length || cut.length < 2) continue;
    const parts = new Set(values.flatMap((value) => value.split(separator)));
    if (
      parts.size < values.length ||
      cut.every((value) => value.split(separator).every((part) => values.includes(part)))
    )
      return separator;
  }
  return null;
}
