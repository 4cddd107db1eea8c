import { ConfigError, ShapeError } from "./errors.js";

/** Below it every whole number is exact in float32. */
const exact = 2 ** 24;

/** The tensor `#step`, the number of updates done, in two float32 values: step = first + 2^24 second, exact below 2^48. */
export const stepValues = (step: number): Float32Array => Float32Array.of(step % exact, Math.floor(step / exact));

/** @throws ShapeError for anything but two values, ConfigError for values that `stepValues` does not give */
export function stepOf(values: ArrayLike<number>): number {
  const isPart = (value: number) => Number.isInteger(value) && value >= 0 && value < exact;
  if (values.length === 2 && isPart(values[0]) && isPart(values[1])) return values[0] + exact * values[1];
  if (values.length === 2)
    throw new ConfigError(
      `Tensor '#step' must be two integers from 0 to 2^24 - 1, found ${values[0]} and ${values[1]}.`,
      {
        fix: "Write what `stepValues` gives.",
        details: { tensor: "#step", found: [values[0], values[1]] },
      },
    );
  throw new ShapeError(`Tensor '#step' has two values, found ${values.length}.`, {
    fix: "Build the native engines of this version.",
    details: { tensor: "#step", expected: 2, found: values.length },
  });
}
