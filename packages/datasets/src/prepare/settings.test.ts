import { ConfigError } from "@fae/core";
import { describe, expect, it } from "vitest";
import type { PrepareOptions } from "./options.js";
import { settle } from "./settings.js";

describe("settle", () => {
  const settled = (options: Partial<PrepareOptions>) =>
    settle({ format: "criteo-kaggle", files: ["train.txt"], directory: "out", ...options });

  it.each<[Partial<PrepareOptions>, string]>([
    [{ format: "movielens" as "avazu" }, 'Option format is "movielens", expected criteo-kaggle'],
    [{ files: [] }, "Option files"],
    [{ ids: "hash" }, 'Option maxRowsPerTable (--max-rows-per-table) is "none"'],
    [{ maxRowsPerTable: 0 }, "Option maxRowsPerTable (--max-rows-per-table) is 0"],
    [{ maxRowsPerTable: 2 ** 31 }, "expected an integer from 1 to 2147483647"],
    [{ dropNegatives: 1.5 }, "Option dropNegatives (--drop-negatives) is 1.5, expected a share from 0 to 1"],
    [{ dropNegatives: Number.NaN }, "Option dropNegatives"],
    [{ dropNegatives: 1 }, "expected a share from 0 to below 1"],
    [{ maxRejects: -1 }, "Option maxRejects"],
    [{ days: 1 }, "Option days"],
    [{ seed: 1.5 }, "Option seed"],
    [{ seed: -1 }, "Option seed"],
    [{ workers: 0 }, "Option workers"],
    [{ series: {} }, "Option series (--train-users, --val-users, --points-per-user, --users-multiple)"],
    [{ format: "avazu", days: 3 }, "Option days is 3, expected none for avazu"],
    [{ format: "avazu", randomize: "day" }, 'Option randomize is "day", expected none, total for avazu'],
    [{ format: "taobao", randomize: "none" }, "Option randomize"],
    [{ format: "taobao", ids: "hash" }, "Option ids"],
    [{ format: "taobao", dropNegatives: 0.5 }, "Option dropNegatives"],
    [{ format: "taobao", series: { perUser: 0 } }, "Option series.perUser (--points-per-user) is 0"],
  ])("refuses %o", (options, message) => {
    expect(() => settled(options)).toThrow(ConfigError);
    expect(() => settled(options)).toThrow(message);
  });

  it("takes a day a file for Terabyte, and seven days of a single file", () => {
    expect(settled({ format: "criteo-terabyte", files: ["day_0", "day_1"] }).days).toBe(null);
    expect(settled({ format: "criteo-terabyte" }).days).toBe(7);
    expect(settled({ format: "criteo-kaggle", files: ["a", "b"] }).days).toBe(7);
  });
});
