/** Below it every whole number is exact in float32. */
const exact = 2 ** 24;

/** The tensor `#step`, the number of updates done, in two float32 values: step = first + 2^24 second, exact below 2^48. */
export const stepValues = (step: number): Float32Array => Float32Array.of(step % exact, Math.floor(step / exact));

export const stepOf = ([first, second]: ArrayLike<number> & Iterable<number>): number => first + exact * second;
