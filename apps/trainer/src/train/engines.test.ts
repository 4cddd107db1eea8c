import { backendNames } from "@fae/gpu-backend";
import { expect, test } from "vitest";
import { chooseAvailable, engineStatuses, loadEngine } from "./engines.js";

test("every engine is there or says why not and what to do", async () => {
  const statuses = await engineStatuses();
  const names = statuses.map(({ name }) => name);
  expect(names).toEqual([...["cuda", "cpu"], ...backendNames.map((backend) => `tfjs:${backend}`), "reference"]);
  for (const status of statuses) {
    if (status.available) expect(status.machine.description).not.toBe("");
    else expect(status.why).toMatch(/\..+\./);
  }
});

test("auto takes the first engine that is there", async () => {
  const first = (await engineStatuses()).find(({ available }) => available);
  expect((await chooseAvailable("auto")).name).toBe(first?.name);
});

test("without a GPU the reason is one short sentence; what was found stands beside", async () => {
  const cuda = (await engineStatuses()).find(({ name }) => name === "cuda");
  if (cuda === undefined || cuda.available || !cuda.why.includes("no GPU")) return;
  expect(cuda.why).toMatch(/^Engine cuda finds no GPU: [^;]{1,120}\. Check /);
  expect(cuda.facts).toHaveProperty("driver");
});

test("a variant is loaded as named, an unknown name is corrected", async () => {
  expect((await loadEngine("tfjs:cpu")).name).toBe("tfjs:cpu");
  await expect(loadEngine("tfjs:gpuu")).rejects.toMatchObject({ message: expect.stringContaining("gpuu") });
  await expect(loadEngine("cpu:fast")).rejects.toThrow("Engine 'cpu' has no variants");
  await expect(loadEngine("cudda")).rejects.toThrow("There is no engine 'cudda'. Did you mean 'cuda'?");
});
