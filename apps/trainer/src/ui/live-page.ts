import { checkArguments, checkOptions, FaeError, is } from "@fae/core";
import type { Standing } from "../report/head.js";
import { basePolicy, pageHtml, viewHtml, viewTitle } from "../report/page.js";
import { addEvent, emptyView } from "../report/run-view.js";
import { hookKinds } from "../train/option-kinds.js";
import type { TrainReport } from "../train/report.js";
import type { RunEvent } from "../train/run-events.js";
import type { TrainHooks } from "../train/train-model.js";
import { pageScript } from "./page-script.js";
import { type Served, serveView } from "./server.js";

/** A page on this machine that shows a training while it runs. */
export interface LivePage {
  readonly url: string;
  add(event: RunEvent): void;
  /** Shows how it ended to those who look, and closes. Takes half a second at most. */
  end(standing: Standing): Promise<void>;
}

export interface LivePageOptions {
  /** 0 for any free one. */
  readonly port: number;
  /** Between two drawings, at least. */
  readonly pauseMilliseconds?: number;
}

const port = is.whole(0, 65_535);

/** Drawing takes at most this share of the training's thread, and nothing while nobody looks. */
const shareOfThread = 0.02;

const policy = `${basePolicy}; script-src 'self'; connect-src 'self'; frame-ancestors 'none'`;

/**
 * Opens the page. An event costs an addition: the view that is drawn is bounded, and drawn on demand, at most once a second,
 * once for all who look.
 * @throws ConfigError when the port is taken
 */
export async function openLivePage({ port, pauseMilliseconds = 1000 }: LivePageOptions): Promise<LivePage> {
  let view = emptyView();
  let standing: Standing = { kind: "preparing" };
  let changes = 0;
  const opened = Date.now().toString(36);
  const draw = (): Served => ({
    version: `${opened}-${changes}`,
    title: viewTitle(view, standing),
    view: viewHtml(view, standing),
    isOver: standing.kind !== "preparing" && standing.kind !== "running",
  });
  let drawn = draw();
  let nextAt = Number.NEGATIVE_INFINITY;
  const now = (): Served => {
    const started = performance.now();
    if (drawn.version === `${opened}-${changes}` || started < nextAt) return drawn;
    drawn = draw();
    const ended = performance.now();
    nextAt = ended + Math.max(pauseMilliseconds, (ended - started) / shareOfThread);
    return drawn;
  };
  const server = await serveView(port, {
    now,
    page: ({ title, view: body }) => pageHtml({ title, body, policy: null, script: "/page.js" }),
    script: pageScript,
    policy,
  });
  const timer = setInterval(() => void server.push(), pauseMilliseconds).unref();
  return {
    url: server.url,
    add(event) {
      if (event.kind === "start") standing = { kind: "running" };
      view = addEvent(view, event);
      changes++;
    },
    async end(ending) {
      clearInterval(timer);
      standing = ending;
      changes++;
      nextAt = Number.NEGATIVE_INFINITY;
      try {
        await deliver(server, pauseMilliseconds);
      } finally {
        server.close();
      }
    },
  };
}

/** Who looked a moment ago sees the end; who does not read it does not hold it up. */
async function deliver(server: Awaited<ReturnType<typeof serveView>>, pauseMilliseconds: number): Promise<void> {
  const askedSince = (milliseconds: number): boolean => server.lastAskedAt() > performance.now() - milliseconds;
  const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const before = server.lastAskedAt();
  const isSeen = server.push() > 0;
  if (!isSeen && !askedSince(3000 + 2 * pauseMilliseconds)) return;
  // Between two questions of a page lie milliseconds: the next one is answered at once.
  for (let tries = 0; !isSeen && tries < 20 && server.lastAskedAt() === before; tries++) await pause(20);
  await pause(100);
}

/** Shows a training on a page for as long as it runs, and then how it ended. */
export async function withLivePage(
  given: LivePageOptions & { log(line: string): void },
  hooks: TrainHooks,
  train: (hooks: TrainHooks) => Promise<TrainReport>,
): Promise<TrainReport> {
  checkOptions<typeof given>("withLivePage", given, { port, pauseMilliseconds: is.maybe(is.whole(1)), log: is.call });
  checkOptions<TrainHooks>("withLivePage", hooks, hookKinds);
  checkArguments("withLivePage", { train: [train, is.call] });
  const { log, ...options } = given;
  const page = await openLivePage(options);
  log(`live page: ${page.url}`);
  try {
    const report = await train({
      ...hooks,
      onStart(start, before) {
        for (const event of [...before, start]) page.add(event);
        hooks.onStart?.(start, before);
      },
      onEvent(event) {
        page.add(event);
        hooks.onEvent?.(event);
      },
    });
    const { seconds, metrics, kept } = report;
    await page.end({ kind: "finished", totalSeconds: seconds.total, metrics, kept });
    return report;
  } catch (error) {
    const isInterrupted = error instanceof FaeError && error.code === "ERR_INTERRUPTED";
    const message = error instanceof Error ? error.message : String(error);
    await page.end(isInterrupted ? { kind: "interrupted" } : { kind: "failed", message });
    throw error;
  }
}
