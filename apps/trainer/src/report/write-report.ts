import { resolve } from "node:path";
import { checkArguments, is } from "@fae/core";
import { stageFile } from "../export/stage-file.js";
import { basePolicy, pageHtml, viewHtml, viewTitle } from "./page.js";
import { readRun } from "./read-run.js";

export interface RunReport {
  /** Where it was written to. */
  readonly path: string;
  readonly bytes: number;
  /** How the run stands: `finished`, `running` or `stopped`. */
  readonly standing: string;
  readonly steps: number;
  /** What is missing or damaged. */
  readonly notes: readonly string[];
}

/**
 * Writes what the live page shows of a run to one HTML file without references to anywhere: of a finished run, one at work, or
 * one that was killed. A file of that name is replaced.
 * @param out default: the run's name with `.html` at its end
 * @throws DataError when there is no such run, ConfigError when `out` is a directory
 */
export async function writeRunReport(run: string, out?: string): Promise<RunReport> {
  checkArguments("writeRunReport", { run: [run, is.text], out: [out, is.maybe(is.text)] });
  return writePage(run, out ?? `${resolve(run)}.html`);
}

async function writePage(run: string, out: string): Promise<RunReport> {
  const { view, standing, notes } = await readRun(run);
  const page = pageHtml({
    title: viewTitle(view, standing),
    body: viewHtml(view, standing, notes),
    policy: basePolicy,
    script: null,
  });
  const bytes = Buffer.from(page);
  const file = await stageFile(out, { taken: "replace" });
  try {
    await file.write(bytes);
    await file.commit();
  } finally {
    await file.discard();
  }
  return { path: out, bytes: bytes.length, standing: standing.kind, steps: view.whole?.to ?? 0, notes };
}
