import { ConfigError, type ProgramBuilder, type Value } from "@fae/core";

/** How the bottom output and the pooled rows meet: dots of all pairs, the same with self-pairs, or concatenation. */
export type Interaction = "dot" | "dot-itself" | "cat";

/** What DLRM, DCNv2 and the TBSM tower share. */
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

/** Adds tables and bottom MLP, ReLU after every layer, the last too. @returns its value, `[B, (S,) D]`. */
export function addBottom(b: ProgramBuilder, { tableRows, bottomMlp }: TowerConfig, prefix = ""): Value {
  b.tables(tableRows, prefix);
  return b.mlp(b.dense, bottomMlp, { name: `${prefix}bot_l` });
}

/**
 * Adds tables, bottom MLP and interaction. Works on `[B, F]` with `[B, T, D]` and, in a program with steps, on `[B, S, F]`
 * with `[B, S, T, D]` at once. @returns the interaction's value, `[B, (S,) interactionWidth]`.
 */
export function addTower(b: ProgramBuilder, config: TowerConfig, prefix = ""): Value {
  const { interaction = "dot" } = config;
  const bottom = addBottom(b, config, prefix);
  const name = `${prefix}interaction`;
  return interaction === "cat"
    ? b.concat([bottom, b.rows], { name, keep: b.shape(bottom).length - 1 })
    : b.interact(bottom, b.rows, { name, self: interaction === "dot-itself" });
}
