/**
 * Writes the compiled programs that step_bench and gpu_baselines.py time: RMC1..RMC4, RMC3 with its large tables scaled down to 40
 * million rows so that they fit in host memory and on one GPU.
 *
 *     npx esbuild apps/bench/gpu/programs.ts --bundle --platform=node --format=esm --target=node20 --conditions=@fae/source --outfile=build/programs.mjs
 *     node build/programs.mjs OUT [SHARE]
 *
 * SHARE scales the rows of every large table further, for trying the tools on a small machine.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compile, type Program } from "@fae/core";
import { criteoTerabyteRows, rmc1, rmc2, rmc3, rmc4 } from "@fae/models";

const [out, share = "1"] = process.argv.slice(2);
if (out === undefined) throw new Error("Name the folder for the programs.");
const rows = 40e6;
const smallTable = 100_000;
const total = criteoTerabyteRows.reduce((sum, n) => sum + n, 0);
const scaled = criteoTerabyteRows.map((n) => (n < smallTable ? n : Math.round((n * rows) / total)));
const shrunk = (program: Program): Program => ({
  ...program,
  tables: program.tables.map((table) => ({
    ...table,
    rows: table.rows < 1000 ? table.rows : Math.max(1000, Math.round(table.rows * Number(share))),
  })),
});
mkdirSync(out, { recursive: true });
for (const [name, full] of Object.entries({ rmc1: rmc1(), rmc2: rmc2(), rmc3: rmc3(scaled), rmc4: rmc4() })) {
  const program = shrunk(full);
  writeFileSync(join(out, `${name}.json`), JSON.stringify(compile(program)));
  console.log(`${name}: ${program.tables.length} tables, ${program.tables.reduce((sum, t) => sum + t.rows, 0)} rows`);
}
