import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const script = join(import.meta.dirname, "../../scripts/build-native.mjs");

/** The package as npm installs it, on a machine with Node alone. */
describe("fae-build-native without tools", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "fae-build-native-"));
    mkdirSync(join(folder, "scripts"));
    cpSync(script, join(folder, "scripts/build-native.mjs"));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "@fae/gpu-backend", type: "module" }));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const build = (...args: string[]) =>
    spawnSync(process.execPath, [join(folder, "scripts/build-native.mjs"), ...args], {
      encoding: "utf8",
      env: { PATH: folder },
    });

  test("names everything that is missing at once, and fails", () => {
    const { status, stdout } = build("--cuda", "off");
    expect(status).toBe(1);
    for (const missing of ["cmake", "C++ compiler", "node-api-headers"]) expect(stdout).toContain(missing);
    expect(stdout).toContain("npm install --save-dev node-api-headers");
    expect(stdout).toContain("no engine was built");
  });

  test("ends well when the engines are optional", () => {
    expect(build("--optional").status).toBe(0);
  });

  test("refuses what it does not know", () => {
    expect(build("--cuda", "maybe")).toMatchObject({ status: 1, stderr: expect.stringContaining("on, off or auto") });
    expect(build("--require").status).toBe(1);
  });
});
