import { basename, dirname, join, relative, sep } from "node:path";
import { checkArguments, checkOptions, is } from "@fae/core";
import { type ResultFolder, writeWhole } from "../result-file.js";
import { figureFile } from "./figure-svg.js";
import { htmlReport } from "./html.js";
import { markdownReport } from "./markdown.js";

/** Files to write; absent ones are not written. */
export interface ReportFiles {
  readonly html?: string;
  readonly markdown?: string;
  /** Folder of the figures that the Markdown refers to; default `figures` beside it. */
  readonly figures?: string;
}

const figureWidth = 860;

/** Writes the reports of some folders of results. @returns paths written, figures left out */
export async function writeReport(folders: readonly ResultFolder[], files: ReportFiles): Promise<string[]> {
  const folder = is.having("a folder of results", { directory: is.text, results: is.list(is.having("a result")) });
  checkArguments("writeReport", { folders: [folders, is.list(folder)] });
  checkOptions<ReportFiles>("writeReport", files, {
    html: is.maybe(is.text),
    markdown: is.maybe(is.text),
    figures: is.maybe(is.text),
  });
  const written: string[] = [];
  if (files.html !== undefined) {
    await writeWhole(files.html, htmlReport(folders));
    written.push(files.html);
  }
  if (files.markdown !== undefined) {
    const figures = files.figures ?? join(dirname(files.markdown), "figures");
    const prefixes = folderPrefixes(folders);
    const name = (folder: number, scenario: string, index: number) => `${prefixes[folder]}${scenario}-${index + 1}.svg`;
    for (const [folder, { results }] of folders.entries())
      for (const { scenario, figures: drawn } of results)
        for (const [i, figure] of drawn.entries())
          await writeWhole(join(figures, name(folder, scenario, i)), figureFile(figure, figureWidth));
    const to = relative(dirname(files.markdown), figures).split(sep).join("/");
    await writeWhole(
      files.markdown,
      markdownReport(folders, (folder, scenario, i) => `${to}/${name(folder, scenario, i)}`),
    );
    written.push(files.markdown);
  }
  return written;
}

/** Nothing for a single folder; else the folder's own name, numbered where two are alike. */
function folderPrefixes(folders: readonly ResultFolder[]): string[] {
  const names = folders.map(({ directory }) => basename(directory));
  if (folders.length === 1) return [""];
  return names.map((name, i) => (names.indexOf(name) === i ? `${name}-` : `${name}-${i + 1}-`));
}
