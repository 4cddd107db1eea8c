import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Engine, type RouteName, referenceEngine, UnsupportedError } from "@fae/core";
import { afterAll, describe, expect, it } from "vitest";
import { loadEngine } from "../train/engines.js";
import { verifyCase } from "./verify-case.js";

const golden = fileURLToPath(new URL("../../../../test/golden", import.meta.url));
const cases = readdirSync(golden).filter((name) => existsSync(join(golden, name, "case.json")));
const routes: readonly RouteName[] = ["host", "hybrid", "server", "hot", "mixed", "device"];
const temporary = mkdtempSync(join(tmpdir(), "fae-verify-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

describe("the reference engine", () => {
  it.each(cases)("meets %s", async (name) => {
    expect(await verifyCase(join(golden, name), referenceEngine())).toMatchObject({ name, passed: true });
  });

  it.each(routes)("meets a case with bags on route %s", async (route) => {
    const result = await verifyCase(join(golden, "dlrm-multihot-sgd"), referenceEngine(), { route });
    expect(result).toMatchObject({ route, passed: true });
  });

  it.each(routes)("meets a case with sequences and optimizer state on route %s", async (route) => {
    const result = await verifyCase(join(golden, "tbsm-inner-ind-mul"), referenceEngine(), { route });
    expect(result).toMatchObject({ route, passed: true });
  });
});

const loaded = await Promise.all(
  ["cpu", "tfjs:cpu", "tfjs:wasm"].map(async (name) => ({ name, engine: await loadEngine(name).catch(() => null) })),
);
for (const { name, engine } of loaded) if (engine === null) console.log(`skipped: engine ${name} does not run here`);

describe.each(loaded)("engine $name", ({ engine }) => {
  it.skipIf(engine === null).each(cases)("meets %s", async (name) => {
    if (engine === null) throw new Error("unreachable");
    expect(await verifyCase(join(golden, name), engine)).toMatchObject({ name, passed: true });
  });
});

const shared = process.env.FAE_SHARED;
if (shared === undefined) console.log("the large golden case is skipped: FAE_SHARED is not set");
describe.skipIf(shared === undefined)("the large case", () => {
  it("is met by the reference engine", async () => {
    const result = await verifyCase(join(shared ?? "", "golden/dlrm-rmc2-capped-sgd"), referenceEngine());
    expect(result).toMatchObject({ steps: 3, passed: true });
  });
});

describe("verifyCase", () => {
  it.each<[string, (file: Record<string, unknown>) => void]>([
    [
      "max_abs_loss",
      (file) => Object.assign(file, { float32_against_float64: { max_abs_loss: 1e300, max_abs_weight: 0 } }),
    ],
    ["tsl_heads", (file) => Object.assign(file, { tsl_heads: 1e6 })],
    ["batch", (file) => Object.assign(file, { batch: 2 ** 40 })],
  ])("refuses a case with any %s: it neither excuses an engine nor fills the memory", async (field, change) => {
    const directory = join(temporary, `greedy-${field}`);
    cpSync(join(golden, "tbsm-heads3-seq"), directory, { recursive: true });
    const file = JSON.parse(readFileSync(join(directory, "case.json"), "utf8"));
    change(file);
    writeFileSync(join(directory, "case.json"), JSON.stringify(file));
    const verified = verifyCase(directory, referenceEngine());
    await expect(verified).rejects.toThrow(new RegExp(`is not a golden case[^]*${field}`));
  });

  const changed = (change: (json: Record<string, unknown>) => void): string => {
    const directory = mkdtempSync(join(temporary, "case-"));
    cpSync(join(golden, "dlrm-dot-sgd"), directory, { recursive: true });
    const json = JSON.parse(readFileSync(join(directory, "case.json"), "utf8"));
    change(json);
    writeFileSync(join(directory, "case.json"), JSON.stringify(json));
    return directory;
  };

  it("fails a wrong learning rate in weights and gradients, and says where", async () => {
    const result = await verifyCase(
      changed((json) => {
        json.lr = 0.11;
      }),
      referenceEngine(),
    );
    expect(result.passed).toBe(false);
    expect(result.weights.error).toBeGreaterThan(result.weights.tolerance);
    expect(result.weights.where).toMatch(/^(emb_l|bot_l|top_l)\..*\[\d+\]$/);
    expect(result.losses.where).toMatch(/^step [1-7]$/);
  });

  it("fails when a loss is missing", async () => {
    const result = await verifyCase(
      changed((json) => {
        json.losses = [];
        delete json.losses_float64;
      }),
      referenceEngine(),
    );
    expect(result.passed).toBe(false);
  });

  it("names what is wrong with a case", async () => {
    await expect(verifyCase(temporary, referenceEngine())).rejects.toThrow(/case\.json' cannot be read/);
    const other = changed((json) => {
      json.optimizer = "lion";
    });
    await expect(verifyCase(other, referenceEngine())).rejects.toThrow(/optimizer/);
    const larger = changed((json) => {
      json.tables = [7, 100, 33, 5];
    });
    await expect(verifyCase(larger, referenceEngine())).rejects.toThrow(
      /'step0\.sparse' .* is \[32, 3\]; case\.json asks for 128/,
    );
    const wider = changed((json) => {
      json.batch = 33;
    });
    await expect(verifyCase(wider, referenceEngine())).rejects.toThrow(
      /'step0\.pred' .* is \[32, 1\]; case\.json asks for 33/,
    );
  });

  it("tells an engine's reasons when it cannot run the case", async () => {
    const engine: Engine = { ...referenceEngine(), refuses: () => ["It is made of glass."] };
    await expect(verifyCase(join(golden, "dlrm-cat-sgd"), engine)).rejects.toThrow(UnsupportedError);
    await expect(verifyCase(join(golden, "dlrm-cat-sgd"), engine)).rejects.toThrow(
      /host: It is made of glass\.; device:/,
    );
  });
});
