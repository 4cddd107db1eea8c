import { describe, expect, test } from "vitest";
import { findPython } from "../src/peers/python.js";
import { findScenario } from "../src/scenarios/index.js";
import { tinyBench } from "./tiny-bench.js";

const python = await findPython(process.env.FAE_PYTHON, process.env.PATH ?? "").catch(() => null);
const dlrm = process.env.FAE_DLRM;
const tbsm = process.env.FAE_TBSM;

describe.skipIf(python === null)(`PyTorch${python ? "" : " (skipped: no Python on PATH has torch)"}`, () => {
  test("own modules have our losses and are timed beside us", { timeout: 300_000 }, async () => {
    using bench = tinyBench({ peers: { python: python?.path, dlrm: undefined, tbsm: undefined } });
    const { checks, tables } = await findScenario("peers").run(bench);
    expect(checks).toMatchObject([{ passed: true }, { passed: true }]);
    expect(tables[0].rows.map(([name]) => name)).toEqual([
      "RMC1 FAE, reference engine",
      "RMC1 PyTorch, own module",
      "RMC2 FAE, reference engine",
      "RMC2 PyTorch, own module",
    ]);
  });

  const reason = dlrm && tbsm ? "" : " (skipped: FAE_DLRM and FAE_TBSM name no checkouts)";
  test.skipIf(!dlrm || !tbsm)(`checkouts have our losses${reason}`, { timeout: 300_000 }, async () => {
    using bench = tinyBench({ peers: { python: python?.path, dlrm, tbsm } });
    const { checks } = await findScenario("peers").run(bench);
    expect(checks.map(({ passed }) => passed)).toEqual([true, true, true, true]);
    expect(checks.map(({ what }) => what).join()).toMatch(/facebookresearch\/tbsm.*facebookresearch\/dlrm/);
  });
});
