import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { FaeError, Random } from "@fae/core";
import { readManifest } from "../../src/open-prepared.js";
import { parsedWords } from "../../src/prepare/part-writer.js";
import { prepare } from "../../src/prepare/prepare.js";
import type { RawFormatName } from "../../src/raw-format.js";
import { rawFormats } from "../../src/raw-formats.js";
import { isHeader } from "../../src/text/header.js";
import { lineScanner } from "../../src/text/line-scanner.js";
import { logForm } from "../../src/text/log-form.js";
import { lineParser } from "../../src/text/parse-line.js";
import { rejectOf } from "../../src/text/reject.js";
import { randomLine, readAll } from "./logs.js";
import { type OracleLine, oracleIds, oracleText } from "./oracle.js";

export interface FuzzReport {
  logs: number;
  accepted: number;
  rejected: number;
  /** Logs that also went through `prepare`, and those of them that it refused. */
  prepared: number;
  refused: number;
  slowestSeconds: number;
}

/** Of `prepare` and of the oracle. */
const maxLineBytes = 65536;

const fragments = [
  "\n",
  "\r\n",
  "\r",
  "\0",
  "\t",
  ",",
  "-",
  "0",
  "1",
  "2147483647",
  "99999999999999999999",
  "abcdefgh",
  "14102123",
  "\xef\xbb\xbf",
  " ",
  "e5",
  ".0",
  ".",
  "0x",
];

/** A valid log after a few random edits of its bytes. */
function mutatedLog(name: RawFormatName, random: Random): Buffer {
  const format = rawFormats[name];
  const lineEnd = random.below(4) === 0 ? "\r\n" : "\n";
  const lines = Array.from({ length: random.below(30) + 1 }, () => randomLine(format, random));
  if (format.header !== null && random.below(2) === 0) lines.unshift(format.header);
  let bytes: Buffer = Buffer.from(lines.join(lineEnd) + (random.below(3) === 0 ? "" : lineEnd), "latin1");
  const splice = (at: number, removed: number, added: Uint8Array) => {
    bytes = Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);
  };
  for (let edits = random.below(10); edits > 0; edits--) {
    const at = random.below(bytes.length + 1);
    const length = random.below(12);
    switch (random.below(random.below(40) === 0 ? 7 : 6)) {
      case 0:
        if (at < bytes.length) bytes[at] ^= 1 << random.below(8);
        break;
      case 1:
        splice(at, length, Buffer.alloc(0));
        break;
      case 2:
        splice(at, 0, Buffer.from(fragments[random.below(fragments.length)], "latin1"));
        break;
      case 3:
        splice(at, length, Buffer.from(fragments[random.below(fragments.length)], "latin1"));
        break;
      case 4:
        splice(at, 0, Buffer.from(bytes.subarray(random.below(bytes.length + 1)).subarray(0, random.below(400))));
        break;
      case 5:
        splice(at, 0, Buffer.from(Array.from({ length }, () => random.below(256))));
        break;
      default:
        splice(at, 0, Buffer.alloc(maxLineBytes - 300 + random.below(600), 48 + random.below(10)));
    }
  }
  return bytes;
}

/** What scanner and parser make of a text that arrives in random pieces, in the form of the oracle. */
function scanned(name: RawFormatName, bytes: Buffer, random: Random): OracleLine[] {
  const format = rawFormats[name];
  const parse = lineParser(format.line);
  const rows = new Int32Array(parsedWords(format));
  const found: OracleLine[] = [];
  let line = 0;
  const scanner = lineScanner({
    offset: 0,
    skipsFirst: false,
    maxLineBytes,
    onLine(piece: Uint8Array, start, end, offset) {
      line++;
      const text = () => Buffer.from(piece.subarray(start, end)).toString("latin1");
      if (offset === 0 && isHeader(text().split(format.line.delimiter))) return true;
      const isAccepted = parse(piece, start, end, rows, 0);
      const why = rejectOf(format.line, piece, start, end);
      if (isAccepted !== (why === null)) throw new Error(`parser and rejectOf disagree in line ${line}`);
      found.push({
        line,
        offset,
        words: isAccepted ? [...rows] : null,
        reason: why?.reason ?? null,
        field: why?.field ?? 0,
      });
      return true;
    },
    onLongLine(offset) {
      found.push({ line: ++line, offset, words: null, reason: "line-too-long", field: 0 });
      return true;
    },
  });
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + random.below(random.below(2) === 0 ? 20 : 100_000));
    scanner.feed(bytes.subarray(at, end));
    at = end;
  }
  scanner.finish();
  return found;
}

const mustEqual = (found: unknown, expected: unknown, what: string) => {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: found ${a.slice(0, 2000)}, expected ${b.slice(0, 2000)}`);
};

/** A log with an input in its usual form is read in that form, whatever else is in it. */
function mustKeepForm(name: RawFormatName, bytes: Buffer, lines: readonly OracleLine[]): void {
  if (!lines.some(({ words }) => words)) return;
  try {
    const { line } = logForm(rawFormats[name], { path: "log", isGzip: false, unlabelled: false }, bytes, true);
    mustEqual(line, rawFormats[name].line, "form");
  } catch (error) {
    // What its first bytes or its header say goes first.
    if (!/not the lines of a log|has the header/.test(String(error))) throw error;
  }
}

/** The whole way over disk: what was accepted, rejected and written must be the oracle's. Returns whether it was refused. */
async function prepareOne(name: RawFormatName, bytes: Buffer, random: Random, directory: string): Promise<boolean> {
  const format = rawFormats[name];
  const log = join(directory, "log");
  const out = join(directory, "out");
  const isGzip = random.below(2) === 0;
  const raw: Buffer = isGzip ? gzipSync(bytes) : bytes;
  const isDamaged = isGzip && random.below(3) === 0 && raw.length > 0;
  if (isDamaged) raw[random.below(raw.length)] ^= 1 << random.below(8);
  writeFileSync(log, raw);
  const partBytes = 1 + Math.floor(bytes.length / 40) + random.below(random.below(2) === 0 ? 300 : 70_000);
  const series = name === "taobao" ? { series: { usersMultiple: 1 } } : {};
  try {
    const data = await prepare({
      format: name,
      files: [log],
      directory: out,
      partBytes,
      maxRejects: 1,
      asGiven: true, // edited lines, and hours at random
      workers: 1,
      ...series,
    });
    const { lines, total, crlf } = oracleText(format, bytes);
    const accepted = lines.flatMap(({ words }) => (words ? [words] : []));
    const manifest = await readManifest(out);
    mustEqual(
      [manifest.lines.total, manifest.lines.crlf, manifest.lines.rejected],
      [total, crlf, lines.length - accepted.length],
      "lines",
    );
    if (name === "taobao") {
      const distinct = [0, 1, 2].map((column) => new Set(accepted.map((words) => words[column])).size);
      mustEqual(
        data.tables.map(({ rows }) => rows),
        distinct,
        "cardinalities",
      );
    } else {
      const { ids } = oracleIds(format, accepted);
      mustEqual(
        readAll(data),
        accepted.map((words, i) => [...words.slice(0, format.keysAt), ...ids[i]]),
        "rows",
      );
    }
    return false;
  } catch (error) {
    if (!(error instanceof FaeError) || error.code !== "ERR_DATA") throw error;
    if (existsSync(`${out}.partial`) || existsSync(out)) throw new Error(`left something after: ${error.message}`);
    return true;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

export interface FuzzOptions {
  readonly format: RawFormatName;
  readonly seconds: number;
  readonly seed: number;
  /** Empty; for the logs that go through `prepare`. */
  readonly directory: string;
}

/**
 * Feeds mutated logs to a parser and to the oracle until the time is up. Throws at the first difference, crash or hang; the
 * log is then kept as `failed.log` in the directory.
 */
export async function fuzz({ format, seconds, seed, directory }: FuzzOptions): Promise<FuzzReport> {
  const report = { logs: 0, accepted: 0, rejected: 0, prepared: 0, refused: 0, slowestSeconds: 0 };
  const end = performance.now() + seconds * 1000;
  for (let i = 0; performance.now() < end; i++) {
    const random = new Random((seed + i) >>> 0);
    const started = performance.now();
    const bytes = mutatedLog(format, random);
    try {
      const expected = oracleText(rawFormats[format], bytes).lines;
      mustEqual(scanned(format, bytes, random), expected, "parsed lines");
      mustKeepForm(format, bytes, expected);
      report.logs++;
      report.accepted += expected.filter(({ words }) => words).length;
      report.rejected += expected.filter(({ words }) => !words).length;
      if (i % 20 === 0) {
        report.prepared++;
        if (await prepareOne(format, bytes, random, directory)) report.refused++;
      }
      const spent = (performance.now() - started) / 1000;
      if (spent > 30) throw new Error(`took ${spent.toFixed(1)} s`);
      report.slowestSeconds = Math.max(report.slowestSeconds, spent);
    } catch (error) {
      writeFileSync(join(directory, "failed.log"), bytes);
      throw new Error(`${format}, seed ${seed + i}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }
  return report;
}
