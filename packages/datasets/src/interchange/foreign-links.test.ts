import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openPrepared } from "../open-prepared.js";
import { prepare } from "../prepare/prepare.js";
import { synthesize } from "../synth/synthesize.js";
import { exportNpz } from "./export-npz.js";
import { exportParquet } from "./export-parquet.js";

const root = mkdtempSync(join(tmpdir(), "fae-links-"));
const at = (name: string): string => join(root, name);
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("a link under the name of a temporary file is replaced, not written through", async () => {
  await synthesize({ source: "avazu", format: "prepared", directory: at("data"), rows: 60, scale: 0.0001, workers: 1 });
  const data = await openPrepared(at("data"));
  writeFileSync(at("victim"), "precious");
  for (const [path, write] of [
    [at("out.npz"), () => exportNpz(data, at("out.npz"))],
    [at("out.parquet"), () => exportParquet(data, "train", at("out.parquet"))],
  ] as const) {
    symlinkSync(at("victim"), `${path}.partial`);
    await write();
    expect(lstatSync(path).isFile()).toBe(true);
    expect(existsSync(`${path}.partial`)).toBe(false);
    expect(readFileSync(at("victim"), "utf8")).toBe("precious");
  }
});

test("an interrupted prepare in whose directory something is a link is not gone on with", async () => {
  await synthesize({ source: "avazu", format: "raw", directory: at("log"), rows: 60, scale: 0.0001, workers: 1 });
  const controller = new AbortController();
  const call = { format: "avazu", files: [at("log")], directory: at("made"), workers: 1 } as const;
  const first = prepare({ ...call, signal: controller.signal, onProgress: () => controller.abort() });
  await expect(first).rejects.toThrow("interrupted");
  symlinkSync(at("victim"), at("made.partial/train.rows"));
  await expect(prepare(call)).rejects.toThrow("is a link; nothing is written into a directory that holds one");
  expect(readFileSync(at("victim"), "utf8")).toBe("precious");
});
