import { expect, test } from "vitest";
import { unlessAborted } from "./interrupted.js";

test("work is waited for until Ctrl-C, before or during it", async () => {
  const controller = new AbortController();
  const endless = new Promise<never>(() => {});
  expect(await unlessAborted(Promise.resolve(3), controller.signal, "The work")).toBe(3);
  const waiting = unlessAborted(endless, controller.signal, "The work");
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ code: "ERR_INTERRUPTED", message: "The work was interrupted." });
  await expect(unlessAborted(endless, controller.signal, "The work")).rejects.toThrow("interrupted");
});
