import { afterEach, describe, expect, test, vi } from "vitest";
import { openFilesLimit, startCommand } from "./start-command.js";

describe("startCommand", () => {
  afterEach(() => {
    vi.restoreAllMocks();
    process.exitCode = undefined;
  });

  test("runs what was loaded", async () => {
    const run = vi.fn(async () => {});
    await startCommand(async () => run);
    expect(run).toHaveBeenCalledOnce();
  });

  test("says in one line that too few files may be open", async () => {
    const lines: unknown[] = [];
    vi.spyOn(process.stderr, "write").mockImplementation((text) => lines.push(text) > 0);
    await startCommand(() => Promise.reject(Object.assign(new Error("no"), { code: "EMFILE" })));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^error: This process may open .* files at once.*ulimit -n 1024\.\n$/);
    expect(process.exitCode).toBe(1);
  });

  test("passes any other failure on", async () => {
    await expect(startCommand(() => Promise.reject(new Error("damaged")))).rejects.toThrow("damaged");
  });

  test("reads the limit where the system says it", () => {
    const line = "Max open files            64                   4096                 files     \n";
    expect(openFilesLimit(`Limit  Soft  Hard\n${line}`)).toBe(64);
    expect(openFilesLimit("")).toBeNull();
  });
});
