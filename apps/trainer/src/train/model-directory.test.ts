import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inspect } from "../inspect/inspect.js";
import { openSaved } from "../predict/saved-model.js";
import { modelDirectory } from "./model-directory.js";

let root = "";
const at = (...parts: string[]): string => join(root, ...parts);
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-model-directory-"));
  mkdirSync(at("ended", "model"), { recursive: true });
  for (const step of [4, 12])
    mkdirSync(at("run", "checkpoints", `step-${String(step).padStart(12, "0")}`), { recursive: true });
});
afterAll(() => rmSync(root, { recursive: true }));

test("a run means its model, any other path itself", async () => {
  expect(await modelDirectory(at("ended"))).toBe(at("ended", "model"));
  expect(await modelDirectory(at("run", "checkpoints"))).toBe(at("run", "checkpoints"));
});

test("of a run that has not ended the newest checkpoint is named, whatever asks for it", async () => {
  mkdirSync(at("run", "model")); // killed while it was written
  for (const ask of [modelDirectory, openSaved, inspect])
    await expect(ask(at("run"))).rejects.toThrow(
      `Run '${at("run")}' has not ended: it has checkpoints and no model yet. ` +
        `Use its newest checkpoint, '${at("run", "checkpoints", "step-000000000012")}', or`,
    );
});
