import type { PartRecord, ReadOptions } from "./part.js";
import { partName } from "./part.js";
import type { SourceFile } from "./raw-files.js";
import { readRecord, writeRecord } from "./records.js";
import type { Run } from "./stages.js";

export interface ReadResult {
  /** In order of the text: file by file, part by part. */
  readonly parts: readonly PartRecord[];
  /** sha256 per file. */
  readonly digests: readonly string[];
}

interface FileRecord {
  readonly parts: number;
  readonly sha256: string;
}

/**
 * Parses all raw files into parts: plain files by byte ranges, each gzip file by one thread. Parts that have a record are not
 * read again. `check` sees every part as it finishes and throws to give up.
 */
export async function readStage(
  run: Run,
  files: readonly SourceFile[],
  options: ReadOptions,
  check: (record: PartRecord) => void,
): Promise<ReadResult> {
  const { work, pool, progress } = run;
  const perFile = files.map((raw) => ({ raw, ...recordedParts(work, raw, options) }));
  progress.begin(
    "read",
    perFile.reduce((sum, { bytesLeft }) => sum + bytesLeft, 0),
  );
  const seen = (record: PartRecord, bytes: number) => {
    progress.countLines(record.lines, record.rejected);
    progress.advance(bytes);
    check(record);
  };
  for (const { parts } of perFile)
    for (const record of parts) if (record) progress.countLines(record.lines, record.rejected);

  const checked = async (record: PartRecord): Promise<PartRecord> => {
    await pool.run("checkWritten", { written: record.written });
    return record;
  };

  const plain = async (raw: SourceFile, parts: (PartRecord | null)[]): Promise<PartRecord[]> =>
    Promise.all(
      parts.map(async (found, part) => {
        if (found) return checked(found);
        const record = await pool.run("readPart", { work, options, raw, part });
        seen(record, Math.min(options.partBytes, raw.bytes - part * options.partBytes));
        return record;
      }),
    );

  const digest = async (raw: SourceFile): Promise<FileRecord> => {
    const { sha256 } = await pool.run("digest", { raw });
    const record = { parts: partsOf(raw, options), sha256 };
    writeRecord(work, fileName(raw), record);
    return record;
  };

  const gzip = async (raw: SourceFile, found: (PartRecord | null)[]): Promise<[PartRecord[], FileRecord]> => {
    const finished = readRecord<FileRecord>(work, fileName(raw));
    const parts = await Promise.all(found.filter((record) => record !== null).map(checked));
    if (finished) return [parts, finished];
    let bytesSeen = 0;
    const record = await pool.run("readGzip", { work, options, raw, done: parts.length }, (event) => {
      parts.push(event.record);
      seen(event.record, event.bytesRead - bytesSeen);
      bytesSeen = event.bytesRead;
    });
    writeRecord(work, fileName(raw), record);
    return [parts, record];
  };

  const results = await Promise.all(
    perFile.map(async ({ raw, parts }) => {
      if (raw.isGzip) return gzip(raw, parts);
      const file = readRecord<FileRecord>(work, fileName(raw));
      return Promise.all([plain(raw, parts), file ?? digest(raw)]);
    }),
  );
  return { parts: results.flatMap(([parts]) => parts), digests: results.map(([, { sha256 }]) => sha256) };
}

const fileName = (raw: SourceFile): string => `file-${String(raw.file).padStart(4, "0")}`;

const partsOf = (raw: SourceFile, options: ReadOptions): number => Math.ceil(raw.bytes / options.partBytes);

/** Records of a file's parts, null where one is missing; of a gzip file, whose end is not known, the unbroken beginning. */
function recordedParts(
  work: string,
  raw: SourceFile,
  options: ReadOptions,
): { parts: (PartRecord | null)[]; bytesLeft: number } {
  if (raw.isGzip) {
    const parts: PartRecord[] = [];
    for (let record = partRecord(work, raw, 0); record; record = partRecord(work, raw, parts.length))
      parts.push(record);
    return { parts, bytesLeft: readRecord<FileRecord>(work, fileName(raw)) ? 0 : raw.bytes };
  }
  const parts = Array.from({ length: partsOf(raw, options) }, (_, part) => partRecord(work, raw, part));
  const missing = parts.map((record, part) =>
    record ? 0 : Math.min(options.partBytes, raw.bytes - part * options.partBytes),
  );
  return { parts, bytesLeft: missing.reduce((sum, bytes) => sum + bytes, 0) };
}

const partRecord = (work: string, raw: SourceFile, part: number): PartRecord | null =>
  readRecord<PartRecord>(work, partName(raw.file, part));
