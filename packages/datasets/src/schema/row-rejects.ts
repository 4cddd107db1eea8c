import { join } from "node:path";
import { DataError } from "@fae/core";
import { openSink, type Sink } from "../prepare/files.js";
import { rejectsName } from "../prepare/rejects.js";
import type { RowReason, RowReject } from "./row-block.js";

const shown = 5;

/** What was expected where a value is at fault, for messages. */
const expectation: Partial<Record<RowReason, string>> = {
  "missing-value": "a value (fill stands in for a missing number)",
  "bad-label": "0 or 1, or a value that the schema's label names",
  "not-a-number": "a number",
  "not-finite": "a finite number",
  "not-an-integer": "an integer",
  "integer-out-of-range": "an integer below 2^31",
  "negative-count": "0 or more for log1p (min: 0 raises what is below)",
  "bad-time": "a time in the format of the schema",
  "list-too-long": "a list of at most 'most' values (longer: first or last cuts it)",
  "wrong-length": "a sequence of 'steps' values",
  "unknown-split": "a value that the schema's split names",
  "not-a-list": "a list",
  "not-one-value": "one value",
  "nested-value": "a value or a list of values",
  "text-after-quote": "a separator after the closing quote",
  "too-few-fields": "as many fields as the header has",
  "too-many-fields": "as many fields as the header has",
};

/** Rejected rows of a log: `rejects.tsv`, counts by reason, and an end when there are too many. */
export class RowRejects {
  rejected = 0;
  readonly #byReason = new Map<RowReason, number>();
  readonly #first: { path: string; reject: RowReject }[] = [];
  #sink: Sink | null = null;

  /** @param root directory of `rejects.tsv` @param unit what rows of the log are called: line or row */
  constructor(
    private readonly root: string,
    private readonly unit: "line" | "row",
    private readonly maxRejects: number,
  ) {}

  add(file: { readonly path: string; readonly name: string }, reject: RowReject): void {
    this.rejected++;
    this.#byReason.set(reject.reason, (this.#byReason.get(reject.reason) ?? 0) + 1);
    if (this.#first.length < shown) this.#first.push({ path: file.path, reject });
    if (!this.#sink) {
      this.#sink = openSink(join(this.root, rejectsName));
      this.#sink.write(Buffer.from("file\tline\tbyte_offset\treason\tfield\n"));
    }
    const { row, offset, reason, column } = reject;
    this.#sink.write(Buffer.from(`${file.name}\t${row}\t${offset ?? "-"}\t${reason}\t${column ?? "-"}\n`));
  }

  /** Rejected rows by reason, in the order of the alphabet. */
  get byReason(): Record<string, number> {
    return Object.fromEntries([...this.#byReason].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Gives up on a log that is plainly of another form. @throws DataError */
  checkStart(rows: number): void {
    if (this.maxRejects < 0.5 && rows >= 1000 && this.rejected > rows / 2) this.check(rows);
  }

  /** @throws DataError when more of `rows` were rejected than may be, with the first five. */
  check(rows: number): void {
    const { rejected, maxRejects, unit } = this;
    if (rejected === 0 || rejected / rows <= maxRejects) return;
    const [{ path, reject }] = this.#first;
    const list = this.#first.map(
      ({ path, reject }) => `'${path}' ${unit} ${reject.row}${place(reject)}: ${say(reject)}`,
    );
    throw new DataError(
      `${rejected} of ${rows} ${unit}s are malformed (${percent(rejected / rows)}), at most ${percent(maxRejects)} may be; the first are ${list.join("; ")}.`,
      {
        fix: "Repair the file or the schema, or raise maxRejects (--max-rejects).",
        details: { path, line: reject.row, byteOffset: reject.offset, found: rejected, byReason: this.byReason },
      },
    );
  }

  close(): void {
    this.#sink?.close();
    this.#sink = null;
  }

  abandon(): void {
    this.#sink?.abandon();
  }
}

const place = ({ offset }: RowReject): string => (offset === null ? "" : ` (byte ${offset})`);

/** A reason with what was found and what was expected. */
export function say({ reason, column, found }: Pick<RowReject, "reason" | "column" | "found">): string {
  const expected = expectation[reason];
  if (column === null) return found === "" ? reason : `${reason}, ${found}`;
  return `${reason}, '${column}' is '${found}'${expected ? `, expected ${expected}` : ""}`;
}

const percent = (part: number): string => `${Number((part * 100).toPrecision(3))} %`;
