/**
 * Packs what is published and runs each README's example from it, as `release:dry` does, without the checks around it.
 *
 *     node scripts/packed.mjs [--node 20,22,24] [--clients npm,pnpm] [package...]
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { clients, runExamples } from "./examples.mjs";
import { platformsOf } from "./platform-packages.mjs";
import { packAll } from "./publish-list.mjs";
import { ensureBuilt, ensureInstalled } from "./setup.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    node: { type: "string", default: process.versions.node },
    clients: { type: "string", default: clients.join(",") },
  },
});
const work = mkdtempSync(join(tmpdir(), "fae-packed-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

ensureInstalled();
ensureBuilt();
const [platforms, tarballs] = [join(work, "platforms"), join(work, "tarballs")];
cpSync(platformsOf(), platforms, { recursive: true });
packAll({ platforms, into: tarballs });
const { passed, failed } = await runExamples({
  tarballs,
  nodes: values.node.split(","),
  use: values.clients.split(","),
  only: positionals,
});
console.log(`${passed} installs ran their examples, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
