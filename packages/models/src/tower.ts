import { ConfigError, type Value } from "@fae/core";
import { add, addMlp, addTables, type Draft } from "./layers.js";

/** How the bottom output and the pooled rows meet: dots of all pairs, the same with self-pairs, or concatenation. */
export type Interaction = "dot" | "dot-itself" | "cat";

/** What DLRM and the TBSM tower share. */
export interface TowerConfig {
  /** N of each table. */
  readonly tableRows: readonly number[];
  /** D. */
  readonly width: number;
  /** F. */
  readonly denseFeatures: number;
  /** M of each bottom layer; the last is D. */
  readonly bottomMlp: readonly number[];
  /** Default `dot`. */
  readonly interaction?: Interaction;
}

/** Width of the interaction's output. */
export function interactionWidth(interaction: Interaction, tables: number, width: number): number {
  const vectors = tables + 1;
  if (interaction === "cat") return vectors * width;
  const pairs = interaction === "dot" ? (vectors * (vectors - 1)) / 2 : (vectors * (vectors + 1)) / 2;
  return width + pairs;
}

/** @throws ConfigError when sizes do not fit together. */
export function checkTower(config: TowerConfig): void {
  const last = config.bottomMlp[config.bottomMlp.length - 1];
  if (last !== config.width)
    throw new ConfigError(`The bottom MLP ends with ${last} values, embedding rows have ${config.width}.`, {
      fix: "Make the last size of 'bottomMlp' equal to 'width'.",
      details: { option: "bottomMlp", found: last, expected: config.width },
    });
}

/**
 * Adds tables, bottom MLP (ReLU after every layer, the last too) and interaction. Works on `[B, F]` with `[B, T, D]` and,
 * with `steps`, on `[B, S, F]` with `[B, S, T, D]` at once.
 *
 * @returns the interaction's value, `[B, (S,) interactionWidth]`.
 */
export function addTower(draft: Draft, config: TowerConfig, prefix: string, steps: number): Value {
  const { tableRows, denseFeatures, bottomMlp, interaction = "dot" } = config;
  addTables(draft, prefix, tableRows);
  const name = `${prefix}bot_l`;
  const bottom = addMlp(draft, {
    name,
    input: "dense",
    sizes: [denseFeatures, ...bottomMlp],
    hidden: "relu",
    last: "relu",
  });
  const output = `${prefix}interaction`;
  const inputs = [bottom, "rows"];
  return interaction === "cat"
    ? add(draft, { op: "concat", output, inputs, params: [], attributes: { keep: steps === 0 ? 0 : 1 } })
    : add(draft, { op: "interact", output, inputs, params: [], attributes: { self: interaction === "dot-itself" } });
}
