import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  nativeMissing,
  randomTinyWords,
  tinyJob,
  tinyPlan,
  tinyProgram,
  tinySegment,
  tinySource,
} from "../native/testing.js";
import { cpuEngine } from "./engine.js";

const folder = mkdtempSync(join(tmpdir(), "fae-mapped-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Table a has many pages, so that a file cut short loses some of them. */
const rows = 20_000;
const program = { ...tinyProgram, tables: [{ ...tinyProgram.tables[0], rows }, tinyProgram.tables[1]] };
const sources = [tinySource(randomTinyWords(4000, 1, rows))];
const job = (mappedPath: string, route: "host" | "mixed" = "host") =>
  tinyJob(route === "host" ? tinyPlan(["host"], { on: "host" }) : tinyPlan(["mixed"], { on: "split", hotRows: 3 }), {
    program,
    sources,
    tables: { a: { mappedPath } },
  });
const batches = Array.from({ length: 500 }, (_, i) => i);
const rates = batches.map(() => 0.1);

describe.skipIf(nativeMissing("cpu"))("a mapped table", () => {
  it.each(["host", "mixed"] as const)(
    "whose file is cut short ends the session, not the process: %s",
    async (route) => {
      const path = join(folder, `cut-${route}`);
      await using session = await cpuEngine().open(job(path, route));
      await session.run(tinySegment(route, batches.slice(0, 3)), rates.slice(0, 3));
      truncateSync(path, 4096);
      const failed = session.run(tinySegment(route, batches), rates);
      await expect(failed).rejects.toMatchObject({ code: "ERR_DATA", details: { path, table: "a" } });
      await expect(failed).rejects.toThrow(/Rows of table 'a' are lost: '.*cut-\w+' was cut short.*last checkpoint/);
      const cause = await failed.catch((error: unknown) => error);
      await expect(session.read("top")).rejects.toBe(cause);
      await expect(session.run(tinySegment(route, [0]), [0.1])).rejects.toBe(cause);
    },
  );

  it("in use is refused to a second session and left as it is", async () => {
    const path = join(folder, "shared");
    await using first = await cpuEngine().open(job(path));
    await first.run(tinySegment("host", [0, 1]), [0.1, 0.1]);
    const before = readFileSync(path);
    const second = cpuEngine().open(job(path));
    await expect(second).rejects.toMatchObject({ code: "ERR_CONFIG", details: { path } });
    await expect(second).rejects.toThrow(/exists already: .*end the session that uses it/);
    expect(readFileSync(path).equals(before)).toBe(true);
    expect((await first.run(tinySegment("host", [2]), [0.1])).batches).toBe(1);
  });

  it("keeps its file when its session is closed, and takes the path again once that is removed", async () => {
    const path = join(folder, "again");
    for (let i = 0; i < 2; i++) {
      {
        await using session = await cpuEngine().open(job(path));
        expect((await session.run(tinySegment("host", [0]), [0.1])).batches).toBe(1);
      }
      await expect(cpuEngine().open(job(path))).rejects.toThrow(/exists already/);
      rmSync(path);
      rmSync(`${path}.accumulator`);
    }
  });

  it("never touches a file that is there already", async () => {
    const path = join(folder, "precious");
    writeFileSync(path, "precious");
    symlinkSync(join(folder, "nowhere"), join(folder, "link"));
    for (const taken of [path, join(folder, "link"), folder, "/dev/full"])
      await expect(cpuEngine().open(job(taken))).rejects.toMatchObject({
        code: "ERR_CONFIG",
        details: { path: taken },
      });
    expect(readFileSync(path, "utf8")).toBe("precious");
    expect(existsSync(join(folder, "nowhere"))).toBe(false);
    expect(existsSync("/dev/full")).toBe(true);
  });

  it("that does not open leaves nothing but what was there", async () => {
    const path = join(folder, "half");
    writeFileSync(`${path}.accumulator`, "precious");
    await expect(cpuEngine().open(job(path))).rejects.toThrow(/half\.accumulator' exists already/);
    expect(existsSync(path)).toBe(false);
    expect(readFileSync(`${path}.accumulator`, "utf8")).toBe("precious");
  });
});
