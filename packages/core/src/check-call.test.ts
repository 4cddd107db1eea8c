import { expect, test } from "vitest";
import { checkArguments, checkOptions } from "./check-call.js";
import { is, type Shape } from "./kinds.js";

interface Given {
  readonly path: string;
  readonly learningRate?: number;
  readonly sizes?: readonly number[];
  readonly inner?: { readonly patience: number };
}
const shape: Shape<Given> = {
  path: is.text,
  learningRate: is.maybe(is.number("a number above 0", (rate) => rate > 0)),
  sizes: is.maybe(is.list(is.whole(1), 1)),
  inner: is.maybe(is.options({ patience: is.whole(0, 9) })),
};

test.each<[unknown, string]>([
  [undefined, "train takes an object of options, found undefined."],
  [[], "train takes an object of options, found a list of 0."],
  [{}, "train: path is missing, expected some text. Set path to such a value."],
  [{ path: "x", lr: 1 }, "train: unknown option 'lr'. Did you mean 'learningRate'?"],
  [{ path: "x", learningrate: 1 }, "train: unknown option 'learningrate'. Did you mean 'learningRate'?"],
  [{ path: "x", quite: 1 }, "train: unknown option 'quite'. Known: path, learningRate, sizes, inner."],
  [{ path: "x", learningRate: Number.NaN }, "train: learningRate is NaN, expected a number above 0."],
  [{ path: "x", learningRate: 5n }, "train: learningRate is 5, expected a number above 0."],
  [{ path: "x", sizes: [4, 0.5] }, "train: sizes[1] is 0.5, expected a whole number of at least 1."],
  [{ path: "x", sizes: [] }, "train: sizes is a list of 0, expected a list that is not empty."],
  [{ path: "x", inner: { patience: 10 } }, "train: inner.patience is 10, expected a whole number from 0 to 9."],
  [{ path: "x", inner: { patient: 1 } }, "train: unknown option 'inner.patient'. Did you mean 'patience'?"],
])("%s is refused", (given, message) => {
  expect(() => checkOptions("train", given, shape)).toThrow(message);
});

test("what fits passes, absent and undefined options too", () => {
  checkOptions("train", { path: "x" }, shape);
  checkOptions("train", { path: "x", learningRate: undefined, sizes: [1], inner: { patience: 0 } }, shape);
  checkArguments("read", {
    path: ["x", is.text],
    rows: [null, is.orNull(is.whole())],
    out: [5, is.either(is.text, is.whole())],
  });
});

test("arguments are named by position", () => {
  expect(() => checkArguments("read", { path: [null, is.text] })).toThrow("read: path is null, expected some text.");
  expect(() => checkArguments("read", { rows: ["5", is.orNull(is.whole())] })).toThrow(
    "rows is '5', expected a whole number of at least 0, or null.",
  );
  expect(() => checkArguments("read", { ids: [[1], is.a("Int32Array")] })).toThrow(
    "ids is a list of 1, expected an Int32Array.",
  );
});
