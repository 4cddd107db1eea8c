import { ShapeError } from "./errors.js";

/** AUC within groups of inputs, such as those of one user: how well a model ranks what one user saw. */
export interface GroupedAuc {
  /** Mean over the groups with both labels, weighted by their inputs; NaN without such a group. */
  readonly byInputs: number;
  /** Mean over the same groups, each counted once. */
  readonly byGroups: number;
  /** Groups with both labels. */
  readonly groups: number;
  /** Groups with one label, which have no AUC and are left out, and their inputs. */
  readonly leftOut: { readonly groups: number; readonly inputs: number };
}

/**
 * Exact AUC of each group, ties one half, and its means.
 * @param scores `[n]` predicted probabilities, none of them NaN
 * @param labels `[n]`, 0 | 1
 * @param groups `[n]`, the group of each input
 * @throws ShapeError when the lengths differ
 */
export function groupedAuc(scores: Float32Array, labels: Uint8Array, groups: Int32Array): GroupedAuc {
  const inputs = scores.length;
  if (labels.length !== inputs || groups.length !== inputs)
    throw new ShapeError(`There are ${inputs} scores, ${labels.length} labels and ${groups.length} groups.`, {
      fix: "Give one label and one group per score.",
      details: { expected: inputs, found: [labels.length, groups.length] },
    });
  const order = Uint32Array.from({ length: inputs }, (_, i) => i).sort(
    (a, b) => groups[a] - groups[b] || scores[a] - scores[b],
  );
  const sums = { weighted: 0, plain: 0, inputs: 0, groups: 0, leftGroups: 0, leftInputs: 0 };
  for (let from = 0, to = 0; from < inputs; from = to) {
    while (to < inputs && groups[order[to]] === groups[order[from]]) to++;
    const auc = aucOfRun(order.subarray(from, to), scores, labels);
    if (Number.isNaN(auc)) {
      sums.leftGroups++;
      sums.leftInputs += to - from;
      continue;
    }
    sums.groups++;
    sums.inputs += to - from;
    sums.plain += auc;
    sums.weighted += auc * (to - from);
  }
  return {
    byInputs: sums.weighted / sums.inputs,
    byGroups: sums.plain / sums.groups,
    groups: sums.groups,
    leftOut: { groups: sums.leftGroups, inputs: sums.leftInputs },
  };
}

/** Of inputs in rising order of their scores. NaN when they have one label. */
function aucOfRun(order: Uint32Array, scores: Float32Array, labels: Uint8Array): number {
  let negatives = 0;
  let positives = 0;
  let wins = 0;
  for (let from = 0, to = 0; from < order.length; from = to) {
    let tied = 0;
    for (; to < order.length && scores[order[to]] === scores[order[from]]; to++) tied += labels[order[to]];
    const tiedNegatives = to - from - tied;
    wins += tied * (negatives + tiedNegatives / 2);
    positives += tied;
    negatives += tiedNegatives;
  }
  return wins / positives / negatives;
}
