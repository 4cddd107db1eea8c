import { ConfigError } from "@fae/core";

/** Sizes of layers must be whole and positive. @throws ConfigError */
export function checkSizes(option: string, sizes: readonly number[]): void {
  const wrong = sizes.find((n) => !Number.isInteger(n) || n < 1);
  if (sizes.length === 0 || wrong !== undefined)
    throw new ConfigError(`Option '${option}' is [${sizes.join(", ")}].`, {
      fix: "Give at least one whole number, each 1 or more.",
      details: { option, found: sizes },
    });
}

/** The layers that end in the logit, `what` in messages: the last one has one value. @throws ConfigError */
export function checkHead(option: string, what: string, sizes: readonly number[]): void {
  checkSizes(option, sizes);
  const last = sizes[sizes.length - 1];
  if (last !== 1)
    throw new ConfigError(`The ${what} ends with ${last} values; a click has one logit.`, {
      fix: `Make the last size of '${option}' 1.`,
      details: { option, found: sizes, expected: 1 },
    });
}
