import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const library = join(import.meta.dirname, "../dist/index.js");
const isBuilt = existsSync(library);
if (!isBuilt) console.log("skipped: apps/trainer is not built (npm run setup)");

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-process-"));
});
afterAll(() => rmSync(root, { recursive: true }));

/**
 * Runs the body of a command, given `signal` and `sleep`, as `fae` runs its own.
 * @param watch sees the process and what it has said on stdout so far
 */
function ends(
  body: string,
  watch: (child: ChildProcess, out: string) => void,
): Promise<{ code: number | null; out: string }> {
  const path = join(root, "command.mjs");
  writeFileSync(
    path,
    `import { setTimeout as sleep } from "node:timers/promises";
import { runProcess } from ${JSON.stringify(library)};
await runProcess(async (args, signal) => { ${body} });`,
  );
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path], { stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    child.stdout.on("data", (chunk) => {
      out += chunk;
      watch(child, out);
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out }));
  });
}

/** Sends each signal when the output has got so far. */
const kill =
  (...signals: [after: string, signal: NodeJS.Signals][]) =>
  (child: ChildProcess, out: string): void => {
    while (signals.length > 0 && out.includes(signals[0][0])) child.kill(signals.shift()?.[1]);
  };

describe.skipIf(!isBuilt)("a process", () => {
  test("goes on when nobody reads its log any more", async () => {
    const body = `console.log("begun");
      for (let i = 0; i < 30; i++) { await sleep(10); console.error("told"); }
      console.log("done"); return 0;`;
    const ended = await ends(body, (child) => child.stderr?.destroy());
    expect(ended).toEqual({ code: 0, out: "begun\ndone\n" });
  });

  test("ends with its command's answer to Ctrl-C, whatever still runs behind it", async () => {
    const body = `setInterval(() => {}, 1000); console.log("begun");
      await new Promise((resolve) => signal.addEventListener("abort", resolve)); return 130;`;
    expect(await ends(body, kill(["begun", "SIGINT"]))).toMatchObject({ code: 130 });
  });

  test("hands over all it has said to a slow reader before it ends", async () => {
    const body = `setInterval(() => {}, 1000); console.log("begun");
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      process.stdout.write("x".repeat(1e6) + "\\n"); return 0;`;
    const ended = await ends(body, (child, out) => {
      if (!out.startsWith("begun") || child.killed) return;
      child.stdout?.pause();
      child.kill("SIGTERM");
      setTimeout(() => child.stdout?.resume(), 200);
    });
    expect([ended.code, ended.out.length]).toEqual([0, "begun\n".length + 1e6 + 1]);
  });

  test.each(["SIGINT", "SIGTERM"] as const)("a second %s ends a command that does not listen", async (name) => {
    const body = `signal.addEventListener("abort", () => console.log("asked")); console.log("begun"); await sleep(60000); return 0;`;
    expect(await ends(body, kill(["begun", name], ["asked", name]))).toMatchObject({ code: 130 });
  });
});
