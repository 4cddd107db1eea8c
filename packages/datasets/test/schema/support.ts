import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openRows } from "@fae/core";
import { expect } from "vitest";
import {
  defineLog,
  type LogSchemaInput,
  openPrepared,
  prepareSchema,
  readManifest,
  toBatchSource,
} from "../../src/index.js";
import { temporary } from "../support/logs.js";

/** Runs SQL in a private DuckDB. */
export async function duckdb(...statements: string[]): Promise<void> {
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  for (const sql of statements) await connection.run(sql);
  connection.closeSync();
  instance.closeSync();
}

/** All bytes of a prepared data set, whose rows are checked, but those of the manifest that name the files. */
export async function contents(directory: string) {
  const data = await openPrepared(directory);
  for (const split of ["train", "val", "test"] as const) {
    using reader = openRows(toBatchSource(data, split), { batch: 1000, tables: data.tables });
    for (let batch = 0; batch < reader.batches; batch++) reader.read(batch, null); // checks labels, numbers and ids
  }
  const { sources: _, schema, lines: __, ...manifest } = await readManifest(directory);
  const files = [
    ...Object.values(manifest.splits).map((split) => split?.file ?? ""),
    ...manifest.tables.flatMap(({ vocabulary }) => (vocabulary ? [vocabulary.file, vocabulary.text ?? ""] : [])),
    ...Object.values(schema?.groups?.files ?? {}),
  ].filter((file) => file !== "");
  return {
    tables: manifest.tables,
    splits: manifest.splits,
    layout: manifest.layout,
    zScores: schema?.zScores,
    files: Object.fromEntries(files.map((file) => [file, readFileSync(join(directory, file)).toString("hex")])),
  };
}

export type Rest = Omit<LogSchemaInput, "files" | "format"> & Partial<Pick<LogSchemaInput, "files" | "format">>;

/** The least that a schema says, to be changed. */
export const small: Rest = { label: "label", tables: ["item"], split: { by: "none" } };

/** Prepares a text of rows and returns its words, row by row. */
export async function rowsOf(text: string | Buffer, schema: Rest, maxRejects = 0) {
  using directory = temporary();
  writeFileSync(directory.file("log.csv"), text);
  const notices: string[] = [];
  const log = defineLog({ files: directory.file("log.csv"), format: "csv", ...schema });
  const data = await prepareSchema({
    log,
    directory: directory.file("out"),
    maxRejects,
    onNotice: (notice) => notices.push(notice),
  });
  const manifest = await readManifest(data.directory);
  const read = (split: "train" | "val" | "test") => {
    const bytes = readFileSync(directory.file("out", `${split}.rows`));
    const words = new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const floats = new Float32Array(words.buffer);
    const { denseFeatures, denseEncoding, hotness, steps } = manifest.layout;
    const ids = hotness.reduce((a, b) => a + b, 0);
    const stride = 1 + Math.max(1, steps) * (denseFeatures + ids);
    const rows = manifest.splits[split]?.rows ?? 0;
    return Array.from({ length: rows }, (_, row) =>
      Array.from({ length: stride }, (_, word) => {
        const isDense = word > 0 && (word - 1) % (denseFeatures + ids) < denseFeatures && denseEncoding === "float32";
        return (isDense ? floats : words)[row * stride + word];
      }),
    );
  };
  const rejects = manifest.lines.file === null ? "" : readFileSync(directory.file("out", "rejects.tsv"), "utf8");
  return { train: read("train"), val: read("val"), test: read("test"), manifest, rejects, notices };
}

/** The message of preparing a text that must be refused, without the temporary directory. */
export async function refusal(text: string, schema: Rest = small): Promise<string> {
  const found = await rowsOf(text, schema).then(
    () => "prepared",
    (error: Error) => error.message,
  );
  expect(found).not.toBe("prepared");
  return found.replace(/'[^']*\/log\.csv'/g, "'log.csv'");
}
