import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { Random } from "@fae/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as Package from "../src/index.js";
import { rawFormats } from "../src/raw-formats.js";
import { builtPackage } from "./support/build.js";
import { digests, randomLog, temporary } from "./support/logs.js";

const bundle = temporary();
let api: typeof Package;
let path: string;

beforeAll(async () => {
  writeFileSync(bundle.file("package.json"), '{"type":"module"}');
  ({ api, path } = await builtPackage(bundle.path));
});
afterAll(() => bundle[Symbol.dispose]());

/** A log of three files, one of them gzip. */
function log(directory: ReturnType<typeof temporary>, format: "criteo-kaggle" | "taobao", lines: number) {
  return [0, 1, 2].map((i) => {
    const file = directory.file(`log-${i}`);
    const text = randomLog(rawFormats[format], lines, i);
    writeFileSync(file, i === 1 ? gzipSync(text) : text);
    return file;
  });
}

describe("worker threads", () => {
  it.each(["criteo-kaggle", "taobao"] as const)("give the same %s for any number of them", async (format) => {
    using directory = temporary();
    const files = log(directory, format, 300);
    const series = format === "taobao" ? { series: { usersMultiple: 1 } } : {};
    const found = [];
    for (const workers of [1, 2, 5]) {
      const out = directory.file(`out-${workers}`);
      let threads = 0;
      await api.prepare({
        format,
        files,
        directory: out,
        workers,
        partBytes: 1000,
        randomize: "total",
        ...series,
        onProgress: (progress) => {
          threads = progress.workers;
        },
      });
      expect(threads).toBe(workers);
      found.push(digests(out));
    }
    expect(found[1]).toEqual(found[0]);
    expect(found[2]).toEqual(found[0]);
  });

  it("bring errors back whole", async () => {
    using directory = temporary();
    const file = directory.file("train.txt");
    writeFileSync(file, gzipSync(randomLog(rawFormats["criteo-kaggle"], 500, 1)).subarray(0, 4000));
    const failed = api.prepare({
      format: "criteo-kaggle",
      files: [file],
      directory: directory.file("out"),
      workers: 2,
    });
    await expect(failed).rejects.toMatchObject({
      code: "ERR_DATA",
      fix: "Copy or download it again; 'gzip -t' tells whether it is whole.",
      details: { path: file, found: "Z_BUF_ERROR" },
    });
    await expect(failed).rejects.toThrow(/is cut short: .*gzip -t' tells whether it is whole.$/);
    expect(existsSync(directory.file("out.partial"))).toBe(false);
  });

  it("stop at once when asked to, and the work resumes", async () => {
    using directory = temporary();
    const options = {
      format: "criteo-kaggle",
      files: log(directory, "criteo-kaggle", 400),
      directory: directory.file("out"),
      workers: 2,
      partBytes: 4000,
    } as const;
    const controller = new AbortController();
    const stopped = api.prepare({ ...options, signal: controller.signal, onProgress: () => controller.abort() });
    await expect(stopped).rejects.toMatchObject({ code: "ERR_INTERRUPTED" });
    await api.prepare(options);
    await api.prepare({ ...options, directory: directory.file("whole") });
    expect(digests(options.directory)).toEqual(digests(directory.file("whole")));
  });

  it("leave work that resumes to the same bytes when the process is killed", async () => {
    using directory = temporary();
    const options = {
      format: "taobao",
      files: log(directory, "taobao", 3000),
      series: { usersMultiple: 1 },
      workers: 2,
      partBytes: 9000,
    } as const;
    await api.prepare({ ...options, directory: directory.file("whole") });
    const out = directory.file("out");
    const script = `import { prepare } from ${JSON.stringify(path)};
      await prepare({ ...${JSON.stringify(options)}, directory: ${JSON.stringify(out)}, onProgress: () => console.log(".") });`;
    const random = new Random(3);
    for (let kills = 0; !existsSync(out) && kills < 6; kills++) {
      const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const exit = once(child, "exit");
      await Promise.race([once(child.stdout, "data"), exit]);
      await Promise.race([wait(random.below(150)), exit]);
      child.kill("SIGKILL");
      await exit;
    }
    if (!existsSync(out)) await api.prepare({ ...options, directory: out });
    expect(digests(out)).toEqual(digests(directory.file("whole")));
  });
});
