import { FaeError } from "@fae/core";
import { expect, test } from "vitest";
import { aSegment, aStart } from "../report/test-events.js";
import { openLivePage, withLivePage } from "./live-page.js";

const view = async (url: string, have = ""): Promise<{ version: string; body: string; isOver: boolean }> => {
  const answer = await fetch(`${url}view?have=${have}`);
  const body = await answer.text();
  return {
    version: answer.headers.get("x-version") ?? "",
    body,
    isOver: answer.headers.get("x-over") === "true",
  };
};

test("a page follows the training and shows its end to those who look", async () => {
  const page = await openLivePage({ port: 0, pauseMilliseconds: 10 });
  const first = await view(page.url);
  expect(first.body).toContain("Preparing");
  page.add(aStart());
  page.add(aSegment(4));
  const second = await view(page.url, first.version);
  expect(second.body).toContain("Running");
  expect(second.isOver).toBe(false);
  const last = view(page.url, second.version);
  await new Promise((resolve) => setTimeout(resolve, 30));
  await page.end({ kind: "interrupted" });
  expect(await last).toMatchObject({ isOver: true });
  expect((await last).body).toContain("Interrupted");
  await expect(fetch(page.url)).rejects.toThrow();
});

test("a view is drawn once in a while, however many ask", async () => {
  const page = await openLivePage({ port: 0, pauseMilliseconds: 10_000 });
  page.add(aStart());
  const versions = new Set<string>();
  for (let i = 1; i < 20; i++) {
    page.add(aSegment(4 * i));
    versions.add((await view(page.url)).version);
  }
  expect(versions.size).toBe(1);
  await page.end({ kind: "failed", message: "over" });
});

test("an end that nobody looks at is not waited for, and one who does not read not for long", async () => {
  const alone = await openLivePage({ port: 0 });
  const started = performance.now();
  await alone.end({ kind: "interrupted" });
  expect(performance.now() - started).toBeLessThan(400);
  const watched = await openLivePage({ port: 0 });
  watched.add(aStart());
  await view(watched.url);
  const asked = performance.now();
  await watched.end({ kind: "interrupted" });
  expect(performance.now() - asked).toBeLessThan(2000);
});

test("a training that fails says so on the page and to its caller", async () => {
  const lines: string[] = [];
  let body = "";
  const failing = withLivePage(
    { port: 0, pauseMilliseconds: 10, log: (line) => lines.push(line) },
    {},
    async (hooks) => {
      hooks.onStart?.(aStart(), []);
      const url = lines[0].replace("live page: ", "");
      const { version } = await view(url);
      void view(url, version).then((answer) => {
        body = answer.body;
      });
      await new Promise((resolve) => setTimeout(resolve, 50));
      throw new FaeError("ERR_DATA", "The data are gone.");
    },
  );
  await expect(failing).rejects.toThrow("The data are gone.");
  await expect.poll(() => body).toContain("The data are gone.");
});
