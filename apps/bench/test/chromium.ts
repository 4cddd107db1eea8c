import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onPath } from "../src/peers/python.js";

export const phoneWidth = 390;

/** What a browser says about a page laid out in a window of some width. */
export interface PageFacts {
  readonly width: number;
  readonly scrollWidth: number;
  readonly visibleFigures: number;
  readonly headings: readonly string[];
  /** Elements outside a scrolling box that reach beyond the window. */
  readonly tooWide: readonly string[];
}

const names = ["chromium", "chromium-browser", "google-chrome", "chrome-headless-shell"];
const program = names.flatMap((name) => onPath(name, process.env.PATH ?? ""))[0];

/** Runs inside the page that holds the frame; its findings become the title of the dumped document. */
const look = `
addEventListener("load", () => {
  const { document: page, innerWidth: width } = document.querySelector("iframe").contentWindow;
  const isShown = (element) => element.getBoundingClientRect().width > 0;
  const tooWide = [...page.querySelectorAll("body *")].filter((element) => {
    const { right, width: own } = element.getBoundingClientRect();
    return own > 0 && right > width + 1 && !element.closest(".scroll, svg");
  });
  document.documentElement.dataset.facts = JSON.stringify({
    width,
    scrollWidth: page.documentElement.scrollWidth,
    visibleFigures: [...page.querySelectorAll("figure svg")].filter(isShown).length,
    headings: [...page.querySelectorAll("h3")].map((element) => element.textContent),
    tooWide: tooWide.slice(0, 5).map((element) => element.outerHTML.slice(0, 80)),
  });
});`;

/** Lays a page out in a frame: a headless window cannot be as narrow as a phone. Null without Chromium. */
export const openPage =
  program === undefined
    ? null
    : async (path: string, width: number): Promise<PageFacts> => {
        const folder = mkdtempSync(join(tmpdir(), "fae-page-"));
        try {
          const escaped = readFileSync(path, "utf8").replaceAll("&", "&amp;").replaceAll('"', "&quot;");
          const frame = `<iframe style="width:${width}px;height:4000px;border:0" scrolling="no" srcdoc="${escaped}"></iframe>`;
          const wrapper = join(folder, "wrapper.html");
          writeFileSync(wrapper, `<!doctype html><meta charset="utf-8"><script>${look}</script>${frame}`);
          const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1200,1000"];
          const dump = execFileSync(
            program,
            [...flags, `--user-data-dir=${folder}`, "--dump-dom", `file://${wrapper}`],
            {
              encoding: "utf8",
              maxBuffer: 2 ** 27,
              stdio: ["ignore", "pipe", "ignore"],
            },
          );
          const facts = /data-facts="([^"]*)"/.exec(dump)?.[1] ?? "{}";
          return JSON.parse(
            facts.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&"),
          );
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      };
