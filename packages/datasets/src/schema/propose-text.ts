import type { ColumnSample, LogShape } from "./column-sample.js";
import { type ColumnUse, useOf } from "./propose-column.js";

/** A text as YAML reads it back. */
const quoted = (text: string): string =>
  /^[A-Za-z_][\w/.-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text)
    ? text
    : JSON.stringify(text);

/** Writes a schema with what was seen next to each line. */
export function schemaText(
  paths: readonly string[],
  { format, separator, names }: LogShape,
  samples: readonly ColumnSample[],
  rows: number,
): string {
  const uses = samples.map(useOf);
  const of = (kind: ColumnUse["kind"]) =>
    samples.flatMap((sample, c) => (uses[c].kind === kind ? [{ ...sample, use: uses[c] }] : []));
  const label = bestLabel(samples, uses);
  const [time] = of("time");
  const isUsed = (name: string) => name !== label?.name && name !== time?.name;
  const lines = [
    `# Proposed from the first ${rows} rows. Check it, then: fae prepare <this file> --out data`,
    `files: ${paths.length === 1 ? quoted(paths[0]) : `[${paths.map(quoted).join(", ")}]`}`,
    `format: ${format}`,
  ];
  if (separator !== undefined) lines.push(`separator: ${JSON.stringify(separator)}`);
  if (names)
    lines.push(
      "# The first line looks like values, not like names: give the real ones.",
      `names: [${names.map(quoted).join(", ")}]`,
    );
  lines.push(...labelLines(label));
  if (time)
    lines.push(`time: { column: ${quoted(time.name)}, format: ${quoted(time.use.format ?? "iso")} } # ${time.use.why}`);
  const user = samples.find(({ name }) => /^(user|member|visitor|customer|reviewer)_?(id)?$/i.test(name));
  if (user && isUsed(user.name))
    lines.push(`group: ${quoted(user.name)} # inputs of one user, written next to the rows`);
  lines.push("dense:");
  const dense = of("dense").filter(({ name }) => isUsed(name));
  for (const { name, use } of dense) lines.push(`  - { column: ${quoted(name)}${use.options} } # ${use.why}`);
  if (time) lines.push("  - { extract: hour } # hour of the day, in UTC");
  if (dense.length === 0 && !time) lines[lines.length - 1] = "dense: [] # no column of numbers was seen";
  const tables = of("table").filter(({ name }) => isUsed(name));
  lines.push(tables.length > 0 ? "tables:" : "tables: [] # no column of keys was seen: name at least one");
  for (const { name, use } of tables) lines.push(`  - { column: ${quoted(name)}${use.options} } # ${use.why}`);
  for (const { name, use } of of("none")) if (isUsed(name)) lines.push(`# left out: ${quoted(name)}: ${use.why}`);
  lines.push(
    time
      ? "split: { by: time, val: 0.1, test: 0.1 } # the latest tenth is tested on, the one before it validates"
      : "split: { by: share, val: 0.1, test: 0.1 } # no time was seen: the last rows of the log are tested on",
  );
  return `${lines.join("\n")}\n`;
}

interface Label {
  readonly name: string;
  readonly options: string;
  readonly why: string;
}

const labelName =
  /^(label|labels|click|clicked|clicks|is_?click|target|y|converted|conversion|is_?like|liked?|action)$/i;
const ratingName = /^(rating|ratings|stars|score|overall)$/i;

function bestLabel(samples: readonly ColumnSample[], uses: readonly ColumnUse[]): Label | null {
  const isBinary = ({ distinct, isList }: ColumnSample) =>
    !isList && distinct.size > 0 && [...distinct.keys()].every((value) => /^(0|1|true|false|0\.0|1\.0)$/i.test(value));
  const named = samples.find((sample) => labelName.test(sample.name) && isBinary(sample));
  const rated = samples.find((sample, c) => ratingName.test(sample.name) && uses[c].isNumeric);
  const binary = samples.find((sample) => isBinary(sample) && sample.distinct.size === 2);
  if (named) return { name: named.name, options: "", why: `its name, and its values are ${valuesOf(named)}` };
  if (rated) {
    const most = Math.max(...[...rated.distinct.keys()].map(Number));
    const bound = most <= 5 ? 4 : Math.ceil(most * 0.8);
    return {
      name: rated.name,
      options: `, at_least: ${bound}`,
      why: `ratings up to ${most}; from ${bound} on an input is positive`,
    };
  }
  return binary
    ? { name: binary.name, options: "", why: `the first column of two values (${valuesOf(binary)})` }
    : null;
}

const labelLines = (label: Label | null): string[] =>
  label
    ? [`label: { column: ${quoted(label.name)}${label.options} } # ${label.why}`]
    : [
        "# No column of 0 and 1 was seen. Name one; or one with positive: [values], or at_least: number.",
        "label: { column: NAME-THE-LABEL }",
      ];

const valuesOf = ({ distinct }: ColumnSample): string => [...distinct.keys()].sort().join(" and ");
