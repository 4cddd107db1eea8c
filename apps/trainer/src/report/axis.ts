/** One direction of a figure: where it begins and ends, and what stands beside it. */
export interface Axis {
  readonly least: number;
  readonly most: number;
  readonly ticks: readonly { readonly value: number; readonly label: string }[];
}

export interface Unit {
  readonly divisor: number;
  readonly name: string;
}

/** The steps of 1, 2 and 5 that divide a range into about `count` parts. */
function stepOf(range: number, count: number): number {
  const rough = range / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((step) => step * power >= rough * 0.999) ?? 10);
}

const digitsOf = (step: number): number => Math.max(0, -Math.floor(Math.log10(step) + 1e-9));

const written = (value: number, digits: number): string =>
  (value === 0 ? 0 : value).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** From one round number to another, with the values in between; labels are in the unit. */
export function valueAxis(values: readonly number[], { divisor }: Unit, fromZero: boolean): Axis {
  const finite = values.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite, Number.POSITIVE_INFINITY), Math.max(...finite, Number.NEGATIVE_INFINITY)];
  if (low > high) return { least: 0, most: divisor, ticks: [] };
  const bottom = fromZero ? Math.min(0, low) : low;
  const top = fromZero ? Math.max(0, high) : high;
  const range = (top - bottom || Math.abs(top) || divisor) / divisor;
  const step = stepOf(range, 4);
  const first = Math.floor(bottom / divisor / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(top / divisor / step - 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => {
    const value = (first + i) * step;
    return { value: value * divisor, label: written(value, digitsOf(step)) };
  });
  return { least: first * step * divisor, most: last * step * divisor, ticks };
}

/** From 0 to the last step, with round numbers in between. */
export function stepAxis(last: number): Axis {
  const most = Math.max(1, last);
  const step = Math.max(1, stepOf(most, 5));
  const unit =
    most >= 2e6 ? { divisor: 1e6, name: "M" } : most >= 2e4 ? { divisor: 1e3, name: "k" } : { divisor: 1, name: "" };
  const digits = digitsOf(step / unit.divisor);
  const ticks = Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, i) => {
    const value = i * step;
    return {
      value,
      label: value === 0 ? "0" : `${written(value / unit.divisor, digits)}${unit.name && ` ${unit.name}`}`,
    };
  });
  return { least: 0, most, ticks };
}

const largest = (units: readonly Unit[], value: number): Unit =>
  units.findLast(({ divisor }) => value >= divisor) ?? units[0];

export const byteUnit = (bytes: number): Unit =>
  largest(
    ["B", "KiB", "MiB", "GiB", "TiB"].map((name, i) => ({ divisor: 1024 ** i, name })),
    bytes,
  );

export const secondUnit = (seconds: number): Unit =>
  largest(
    [
      { divisor: 1e-6, name: "µs" },
      { divisor: 1e-3, name: "ms" },
      { divisor: 1, name: "s" },
    ],
    seconds,
  );

export const countUnit = (count: number): Unit =>
  largest(
    [
      { divisor: 1, name: "" },
      { divisor: 1e3, name: "thousand" },
      { divisor: 1e6, name: "million" },
    ],
    count / 10,
  );

export const plainUnit: Unit = { divisor: 1, name: "" };
