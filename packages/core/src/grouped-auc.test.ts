import { describe, expect, test } from "vitest";
import { groupedAuc } from "./grouped-auc.js";
import { auc } from "./metrics.js";
import { Random } from "./random.js";

describe("groupedAuc", () => {
  test("is the AUC of each group, averaged with and without weights", () => {
    const random = new Random(5);
    for (let round = 0; round < 50; round++) {
      const inputs = 1 + random.below(200);
      const groups = Int32Array.from({ length: inputs }, () => random.below(12) - 1);
      const scores = Float32Array.from({ length: inputs }, () => random.below(9) / 9);
      const labels = Uint8Array.from({ length: inputs }, () => random.below(2));
      const found = groupedAuc(scores, labels, groups);
      let [weighted, plain, weight, count, left] = [0, 0, 0, 0, 0];
      for (const group of new Set(groups)) {
        const own = [...groups.keys()].filter((i) => groups[i] === group);
        const one = auc(
          Float32Array.from(own, (i) => scores[i]),
          Uint8Array.from(own, (i) => labels[i]),
        );
        if (Number.isNaN(one)) {
          left += own.length;
          continue;
        }
        weighted += one * own.length;
        plain += one;
        weight += own.length;
        count++;
      }
      expect(found.groups).toBe(count);
      expect(found.leftOut.inputs).toBe(left);
      if (count === 0) expect(found.byInputs).toBeNaN();
      else {
        expect(found.byInputs).toBeCloseTo(weighted / weight, 12);
        expect(found.byGroups).toBeCloseTo(plain / count, 12);
      }
    }
  });

  test("of one group is the AUC, and without inputs there is none", () => {
    const scores = Float32Array.of(0.2, 0.4, 0.4, 0.9);
    const labels = Uint8Array.of(0, 1, 0, 1);
    expect(groupedAuc(scores, labels, new Int32Array(4)).byInputs).toBe(auc(scores, labels));
    expect(groupedAuc(new Float32Array(), new Uint8Array(), new Int32Array())).toMatchObject({
      byInputs: Number.NaN,
      groups: 0,
    });
  });

  test("refuses arrays of other lengths", () => {
    expect(() => groupedAuc(new Float32Array(2), new Uint8Array(2), new Int32Array(1))).toThrow("one group per score");
  });
});
