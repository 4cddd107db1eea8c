import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPrepared } from "@fae/datasets";
import { profile, writeProfile } from "@fae/profiler";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { captureIo } from "../src/cli/test-io.js";
import { main } from "../src/cli.js";
import { packData } from "../src/pack/pack-data.js";
import { writeSmallData } from "../src/test-data.js";
import { loadEngine } from "../src/train/engines.js";
import { type Browser, chromium, openBrowser } from "./browser.js";

const engine = await loadEngine("cpu").then(
  () => "cpu",
  () => "reference",
);
if (chromium === undefined) console.log("skipped: the live page in a browser, no Chromium on PATH");
const pictures = process.env.FAE_PICTURES;

/** Texts of one drawing that lie on one another, and elements that reach beyond the window. */
const misplaced = `(() => {
  const box = (element) => element.getBoundingClientRect();
  const cross = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  const groups = [...document.querySelectorAll("svg.x, svg.y, figcaption, .tiles div, .top, header")];
  const overlaps = groups.flatMap((group) => {
    const parts = [...group.children].filter((part) => part.tagName !== "path" && box(part).width > 0);
    return parts.flatMap((a, i) => parts.slice(i + 1).filter((b) => cross(box(a), box(b)))
      .map((b) => a.textContent.slice(0, 40) + " | " + b.textContent.slice(0, 40)));
  });
  const beyond = [...document.querySelectorAll("main *")]
    .filter((element) => box(element).width > 0 && !element.closest(".scroll, .hidden, svg.plot"))
    .filter((element) => box(element).right > innerWidth + 1 || box(element).left < -1)
    .map((element) => element.outerHTML.slice(0, 80));
  return { overlaps, beyond, scrolls: document.documentElement.scrollWidth > innerWidth };
})()`;
const wellPlaced = { overlaps: [], beyond: [], scrolls: false };
const windows = {
  desktop: { width: 1280, height: 900 },
  tablet: { width: 820, height: 1100 },
  phone: { width: 360, height: 740, scale: 2 },
  dark: { width: 1280, height: 900, dark: true },
  print: { width: 720, height: 1000, print: true },
};

describe.skipIf(chromium === undefined)("the live page in Chromium", () => {
  let root = "";
  let browser: Browser;
  const at = (...parts: string[]): string => join(root, ...parts);
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), "fae-live-"));
    writeSmallData(at("data"), { inputs: { train: 4000, val: 300, test: 300 } });
    const budget = { width: 4, stateValues: 0, budgetBytes: 320, smallTableBytes: 0 };
    await writeProfile(at("profile"), await profile({ data: await openPrepared(at("data")), ...budget }));
    await packData({ data: at("data"), profile: at("profile"), out: at("packed") });
    browser = await openBrowser();
  }, 120_000);
  afterAll(async () => {
    await browser[Symbol.asyncDispose]();
    rmSync(root, { recursive: true });
  });
  const seen = <T>(expression: string) => expect.poll(() => browser.evaluate<T>(expression), { timeout: 20_000 });
  const text = (selector: string) => `document.querySelector(${JSON.stringify(selector)})?.textContent`;

  async function look(name: string, devices: readonly (keyof typeof windows)[]): Promise<void> {
    for (const device of devices) {
      const window = windows[device];
      await browser.resize(window);
      expect(await browser.evaluate(misplaced), `${name} on ${device}`).toEqual(wellPlaced);
      const picture = await browser.picture();
      expect(picture.subarray(1, 4).toString()).toBe("PNG");
      if (pictures === undefined) continue;
      mkdirSync(pictures, { recursive: true });
      writeFileSync(join(pictures, `${name}-${device}.png`), picture);
    }
    await browser.resize(windows.desktop);
  }

  /** Trains until it is told to stop. */
  function training(run: string, ...more: string[]) {
    const io = captureIo();
    const model = ["--model", "dlrm", "--width", "4", "--bottom-mlp", "8,4", "--top-mlp", "8,1"];
    const strategy = ["--strategy", "fae", "--engine", engine, "--batch", "20", "--epochs", "100000"];
    const all = ["train", at("packed"), ...model, ...strategy, "--ui", "--ui-port", "0", "--run", run, ...more];
    const ended = main(all, io);
    return { io, ended, url: () => /live page: (\S+)/.exec(io.err())?.[1] ?? "" };
  }

  test("follows a training, fits every window, and shows that it was interrupted", async () => {
    const { io, ended, url } = training(at("runs", "live"));
    await expect.poll(url).not.toBe("");
    await browser.resize(windows.desktop);
    await browser.open(url());
    await seen(text(".standing")).toContain("Running");
    await seen<number>("document.querySelectorAll('figure svg.plot').length").toBe(6);
    const steps = `Number(${text(".tiles dd")}.replace(/of.*|,/g, ""))`;
    const first = await browser.evaluate<number>(steps);
    await seen<number>(steps).toBeGreaterThan(first);
    expect(await browser.evaluate("document.title")).toMatch(/^0 % · dlrm · fae · FAE$/);
    await look("running", ["desktop", "phone"]);

    await browser.evaluate("document.querySelector('#latency summary').click()");
    const before = await browser.evaluate<number>(steps);
    await seen<number>(steps).toBeGreaterThan(before);
    expect(await browser.evaluate("document.querySelector('#latency details').open")).toBe(true);

    expect(await main(["report", at("runs", "live"), "--out", at("live.html")], captureIo())).toBe(0);
    io.controller.abort();
    expect(await ended).toBe(130);
    await seen(text(".standing")).toBe("Interrupted");
    expect(await browser.evaluate(text("#said"))).toBe("Interrupted");
    expect(existsSync(at("runs"))).toBe(false);
    const own = new URL(url()).origin;
    expect(browser.requests.filter((asked) => !asked.startsWith(own) && !asked.startsWith("data:,"))).toEqual([]);
    expect(browser.console).toEqual([]);
  }, 120_000);

  test("a training that finishes shows its quality, and its file looks the same", async () => {
    const { ended, url } = training(at("runs", "short"), "--max-batches", "2000");
    await expect.poll(url).not.toBe("");
    await browser.open(url());
    expect(await ended).toBe(0);
    await seen(text(".standing")).toBe("Finished");
    const page = await browser.evaluate<string>("document.querySelector('main').innerHTML");
    expect(page).toContain("Quality of the trained model");

    await main(["report", at("runs", "short")], captureIo());
    browser.requests.length = 0;
    await browser.open(`file://${at("runs", "short.html")}`);
    expect(await browser.evaluate("document.querySelector('main').innerHTML")).toBe(page);
    await look("report", ["desktop", "tablet", "phone", "dark", "print"]);
    expect(browser.requests.filter((asked) => !asked.startsWith("file://") && !asked.startsWith("data:,"))).toEqual([]);
    expect(browser.console).toEqual([]);
  }, 120_000);
});
