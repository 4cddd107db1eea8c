import { DataError } from "@fae/core";

/**
 * Hands values on when all are finite. A pass over them: about a second for 4 GB.
 * @param rows of a part of a table: its first row and the values per row, so that the message can name the row
 * @throws DataError naming file, tensor, position and value of the first that is NaN or infinite
 */
export function finiteWeights(
  values: Float32Array,
  tensor: string,
  path: string,
  rows?: { readonly from: number; readonly width: number },
): Float32Array {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] - values[i]; // 0 for every finite number, NaN for the others
  if (sum === 0) return values;
  const at = values.findIndex((value) => !Number.isFinite(value));
  const where = rows ? `row ${rows.from + Math.floor(at / rows.width)}` : `value ${at}`;
  throw new DataError(
    `Tensor '${tensor}' of '${path}' has ${values[at]} in ${where}: its scores would be no numbers.`,
    {
      fix: "Use an earlier checkpoint, or train again with a lower learning rate.",
      details: {
        path,
        tensor,
        found: String(values[at]),
        ...(rows && { row: rows.from + Math.floor(at / rows.width) }),
      },
    },
  );
}
