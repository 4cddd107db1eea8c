import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Readable, Writable } from "node:stream";

const names = ["chromium", "chromium-browser", "google-chrome", "chrome-headless-shell"];
const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");

/** Path of a Chromium on PATH; undefined when there is none. */
export const chromium: string | undefined = names
  .flatMap((name) => folders.map((folder) => join(folder, name)))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

export interface Window {
  readonly width: number;
  readonly height: number;
  readonly dark?: boolean;
  readonly print?: boolean;
  readonly scale?: number;
}

/** One page of a headless Chromium. */
export interface Browser extends AsyncDisposable {
  /** Messages of the console and addresses that were asked for, since the page was opened. */
  readonly console: string[];
  readonly requests: string[];
  open(url: string): Promise<void>;
  resize(window: Window): Promise<void>;
  /** Value of an expression in the page; a promise is awaited. */
  evaluate<T>(expression: string): Promise<T>;
  /** PNG of the page from its top, as high as it is or as asked for. */
  picture(height?: number): Promise<Buffer>;
}

/** Starts Chromium and speaks its debugging protocol over a pipe: nothing listens on a port. */
export async function openBrowser(): Promise<Browser> {
  if (chromium === undefined) throw new Error("no Chromium on PATH");
  const profile = mkdtempSync(join(tmpdir(), "fae-browser-"));
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"];
  const child = spawn(chromium, [...flags, `--user-data-dir=${profile}`, "about:blank"], {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
  });
  const { send, on } = protocol(child);
  const { targetInfos } = (await send("Target.getTargets")) as { targetInfos: { type: string; targetId: string }[] };
  const targetId = targetInfos.find(({ type }) => type === "page")?.targetId;
  const { sessionId } = (await send("Target.attachToTarget", { targetId, flatten: true })) as { sessionId: string };
  const call = (method: string, params: object = {}) => send(method, params, sessionId);
  const seen = { console: [] as string[], requests: [] as string[] };
  on("Log.entryAdded", ({ entry }) => seen.console.push(`${entry.level}: ${entry.text}`));
  on("Runtime.exceptionThrown", ({ exceptionDetails }) => seen.console.push(`exception: ${exceptionDetails.text}`));
  on("Network.requestWillBeSent", ({ request }) => seen.requests.push(request.url));
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await call(`${domain}.enable`);
  let window: Window = { width: 1280, height: 900 };
  const resize = async (to: Window): Promise<void> => {
    window = to;
    const { width, height, dark = false, print = false, scale = 1 } = to;
    await call("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: scale, mobile: width < 600 });
    const features = [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }];
    await call("Emulation.setEmulatedMedia", { media: print ? "print" : "screen", features });
  };
  const evaluate = async <T>(expression: string): Promise<T> => {
    const answer = (await call("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true })) as {
      result: { value: T };
      exceptionDetails?: { exception?: { description?: string } };
    };
    if (answer.exceptionDetails) throw new Error(answer.exceptionDetails.exception?.description ?? expression);
    return answer.result.value;
  };
  return {
    ...seen,
    resize,
    evaluate,
    async open(url) {
      const loaded = new Promise<void>((resolve) => on("Page.loadEventFired", () => resolve()));
      await call("Page.navigate", { url });
      await loaded;
    },
    async picture(height) {
      const whole = height ?? (await evaluate<number>("document.documentElement.scrollHeight"));
      const clip = { x: 0, y: 0, width: window.width, height: whole, scale: 1 };
      const picture = await call("Page.captureScreenshot", { format: "png", clip, captureBeyondViewport: true });
      return Buffer.from((picture as { data: string }).data, "base64");
    },
    async [Symbol.asyncDispose]() {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      void send("Browser.close").catch(() => {});
      const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
      await gone;
      clearTimeout(timer);
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: parameters of the browser's events, told apart by their name
type Listener = (params: any) => void;

/** Messages with a zero byte behind each, out on descriptor 3 and in on 4. */
function protocol(child: ChildProcess) {
  const [toBrowser, fromBrowser] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
  const waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  const listeners: [string, Listener][] = [];
  let id = 0;
  let rest = Buffer.alloc(0);
  fromBrowser.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
      const message = JSON.parse(rest.subarray(0, end).toString());
      rest = rest.subarray(end + 1);
      const call = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error) call?.reject(new Error(message.error.message));
      else call?.resolve(message.result);
      for (const [name, listener] of listeners) if (name === message.method) listener(message.params);
    }
  });
  child.on("exit", () => {
    for (const { reject } of waiting.values()) reject(new Error("Chromium has ended"));
  });
  toBrowser.on("error", () => {});
  const send = (method: string, params: object = {}, sessionId?: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      waiting.set(++id, { resolve, reject });
      toBrowser.write(`${JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) })}\0`);
    });
  return { send, on: (name: string, listener: Listener) => void listeners.push([name, listener]) };
}
