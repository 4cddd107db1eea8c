import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockPath } from "./path-lock.js";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "fae-lock-"));
});
afterEach(() => rmSync(root, { recursive: true }));

/** The lock of this process, under the name that it would have with other parts. */
async function lockAs(run: string, change: (parts: string[]) => string[]): Promise<string> {
  await lockPath(run);
  const [name] = readdirSync(root).filter((entry) => entry.includes(".lock-"));
  // The host may have dashes: parts are taken from the end.
  const [, host, ...parts] = /^(.+)-([^-]+)-([^-]+)-([^-]+)-([^-]+)$/.exec(name) ?? [];
  const other = join(root, change([host, ...parts]).join("-"));
  renameSync(join(root, name), other);
  return other;
}

test("a run is taken once, and again when it is released, leaving nothing", async () => {
  const lock = await lockPath(join(root, "run"));
  await expect(lockPath(join(root, "run"))).rejects.toThrow("is in use by this process");
  lock.release();
  lock.release();
  expect(readdirSync(root)).toEqual([]);
  const deep = await lockPath(join(root, "a", "b", "run"));
  expect(readdirSync(join(root, "a", "b"))).toHaveLength(1);
  deep.release();
  expect(readdirSync(root)).toEqual([]);
});

test("a link to a run is that run", async () => {
  mkdirSync(join(root, "run"));
  symlinkSync(join(root, "run"), join(root, "link"));
  await lockPath(join(root, "run"));
  await expect(lockPath(join(root, "link"))).rejects.toThrow("is in use");
});

test("a living process is named with what to do", async () => {
  const other = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"]);
  try {
    await lockAs(join(root, "run"), ([host, boot, space]) => [host, boot, space, String(other.pid), "0"]);
    await expect(lockPath(join(root, "run"))).rejects.toThrow(
      `in use by process ${other.pid}. Wait for it or stop it (kill ${other.pid}), or name another path.`,
    );
    expect(readdirSync(root)).toHaveLength(1);
  } finally {
    other.kill("SIGKILL");
  }
  await new Promise((resolve) => other.on("close", resolve));
  (await lockPath(join(root, "run"))).release();
  expect(readdirSync(root)).toEqual([]);
});

test.skipIf(process.platform !== "linux")("a number that another process has inherited does not block", async () => {
  await lockAs(join(root, "run"), ([host, boot, space]) => [host, boot, space, String(process.ppid), "1"]);
  (await lockPath(join(root, "run"))).release();
  expect(readdirSync(root)).toEqual([]);
});

test.skipIf(process.platform !== "linux")("neither does a process from before a restart of the machine", async () => {
  await lockAs(join(root, "run"), ([host, , space, pid, start]) => [host, "abc", space, pid, start]);
  (await lockPath(join(root, "run"))).release();
  expect(readdirSync(root)).toEqual([]);
});

test("processes that cannot be looked at block", async () => {
  const run = join(root, "run");
  const elsewhere = await lockAs(run, ([, boot, ...rest]) => [".run.lock-other-host", `${boot}0`, ...rest]);
  await expect(lockPath(run)).rejects.toThrow(/on other-host\. .* delete '.*' when the process is gone/);
  rmSync(elsewhere);
  if (process.platform !== "linux") return;
  await lockAs(run, ([host, boot, , ...rest]) => [host, boot, "7", ...rest]);
  await expect(lockPath(run)).rejects.toThrow("of another container");
});

test("files that only look alike are left alone", async () => {
  writeFileSync(join(root, `.run.lock-${hostname()}`), "");
  (await lockPath(join(root, "run"))).release();
  expect(readdirSync(root)).toHaveLength(1);
});

test.skipIf(process.platform !== "linux")("of those that come at once the first name stays", async () => {
  const other = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"]);
  const run = join(root, "run");
  const claimAs = async (host: string, content: string) => {
    const path = await lockAs(run, ([, boot, space]) => [`.run.lock-${host}`, boot, space, String(other.pid), "0"]);
    writeFileSync(path, content);
    return path;
  };
  try {
    // One behind has not looked around yet: it will step back.
    const behind = await claimAs("~", "");
    setTimeout(() => rmSync(behind), 60);
    (await lockPath(run)).release();
    // One behind that was there before stays, and one before has the first name.
    for (const [host, content] of [
      ["~", "held"],
      ["!", ""],
    ]) {
      const there = await claimAs(host, content);
      await expect(lockPath(run)).rejects.toThrow("is in use by process");
      rmSync(there);
    }
    expect(readdirSync(root)).toEqual([]);
  } finally {
    other.kill("SIGKILL");
  }
});
