import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defineLog, prepareSchema } from "../../src/index.js";
import { builtPackage } from "../support/build.js";
import { digests, temporary } from "../support/logs.js";
import { duckdb, small } from "./support.js";

const directory = temporary();
afterAll(() => directory[Symbol.dispose]());
const at = (...names: string[]) => directory.file(...names);
let built: Awaited<ReturnType<typeof builtPackage>>;
const log = () => defineLog({ ...small, files: at("log.csv"), format: "csv" });

beforeAll(async () => {
  built = await builtPackage(at("dist"));
  writeFileSync(
    at("log.csv"),
    `label,item\n${Array.from({ length: 400_000 }, (_, i) => `${i % 2},k${(i * 7919) % 100_003}`).join("\n")}\n`,
  );
  await prepareSchema({ log: log(), directory: at("whole") });
});

describe("work that does not end", () => {
  it("leaves nothing when it is stopped", async () => {
    const controller = new AbortController();
    const onProgress = ({ bytesDone }: { bytesDone: number }) => bytesDone > 0 && controller.abort();
    const stopped = prepareSchema({ log: log(), directory: at("stopped"), signal: controller.signal, onProgress });
    await expect(stopped).rejects.toMatchObject({
      code: "ERR_INTERRUPTED",
      message: expect.stringContaining("the same call starts over"),
    });
    expect(readdirSync(directory.path).filter((name) => name.startsWith("stopped"))).toEqual([]);
  });

  it("starts over after it was killed, to the same bytes", async () => {
    const code = `import { defineLog, prepareSchema } from ${JSON.stringify(built.path)};
      const log = defineLog(${JSON.stringify({ ...small, files: at("log.csv"), format: "csv" })});
      console.log("begins");
      await prepareSchema({ log, directory: ${JSON.stringify(at("killed"))}, onProgress: ({ bytesDone }) => bytesDone > 0 && process.kill(process.pid, "SIGKILL") });`;
    writeFileSync(at("kill.mjs"), code);
    const child = spawn(process.execPath, [at("kill.mjs")]);
    const signal = await new Promise((resolve) => child.on("exit", (_, by) => resolve(by)));
    expect(signal).toBe("SIGKILL");
    expect(existsSync(at("killed"))).toBe(false);
    expect(readdirSync(at("killed.partial", "work"))).toContain("rows");
    await prepareSchema({ log: log(), directory: at("killed") });
    expect(digests(at("killed"))).toEqual(digests(at("whole")));
    expect(existsSync(at("killed.partial"))).toBe(false);
  });

  it("is not mixed with other work on the same directory", async () => {
    const first = prepareSchema({ log: log(), directory: at("two") });
    await expect(prepareSchema({ log: log(), directory: at("two") })).rejects.toThrow(/two' is in use by this process/);
    await first;
    await expect(prepareSchema({ log: log(), directory: at("two") })).rejects.toThrow("exists already");
    expect(digests(at("two"))).toEqual(digests(at("whole")));
  });
});

it("without DuckDB Parquet is refused with what to install", async () => {
  await duckdb(`COPY (SELECT 1 AS label, 'a' AS item) TO '${at("a.parquet")}' (FORMAT parquet)`);
  const parquet = built.api.defineLog({ ...small, files: at("a.parquet"), format: "parquet" });
  await expect(built.api.prepareSchema({ log: parquet, directory: at("none") })).rejects.toThrow(
    /a.parquet', Parquet, is read by DuckDB, and @duckdb\/node-api is not installed. npm install @duckdb\/node-api$/,
  );
});

it("memory does not grow with the log", async () => {
  mkdirSync(at("big"));
  const piece = readFileSync(at("log.csv"), "utf8");
  const rows = piece.slice(piece.indexOf("\n") + 1);
  for (let i = 0; i < 8; i++) writeFileSync(at("big", `${i}.csv`), `label,item\n${rows}`);
  const code = (files: string, out: string) => `import { defineLog, prepareSchema } from ${JSON.stringify(built.path)};
    const log = defineLog({ ...${JSON.stringify(small)}, files: ${JSON.stringify(files)}, format: "csv" });
    await prepareSchema({ log, directory: ${JSON.stringify(out)} });
    console.log(process.resourceUsage().maxRSS);`;
  const mostKiB = async (files: string, out: string) => {
    writeFileSync(at("memory.mjs"), code(files, out));
    const child = spawn(process.execPath, ["--max-semi-space-size=4", at("memory.mjs")]);
    let text = "";
    child.stdout.on("data", (chunk) => (text += chunk));
    await new Promise((resolve) => child.on("close", resolve));
    return Number(text);
  };
  const [one, eight] = [await mostKiB(at("big", "0.csv"), at("one")), await mostKiB(at("big", "*.csv"), at("eight"))];
  expect(one).toBeGreaterThan(1000);
  expect(eight).toBeLessThan(one + 48 * 1024); // 3.2 M rows are 38 MB of text, and as much in rows
});
