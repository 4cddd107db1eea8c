import { type BatchSource, ConfigError, openRows, type PreparedData, suggestion } from "@fae/core";

const inputsAtOnce = 4096;

/**
 * The id that each input of a source has in one table, in row order; of a sequence that of its last step; -1 where it has none.
 * @throws ConfigError for a table that the data do not have, or that has more than one id an input
 */
export function groupIds(data: PreparedData, source: BatchSource, table: string): Int32Array {
  const names = data.tables.map(({ name }) => name);
  const at = names.indexOf(table);
  if (at < 0)
    throw new ConfigError(`The data have no table '${table}'.`, {
      fix: suggestion(table, names),
      details: { option: "group", found: table, expected: names },
    });
  const { hotness } = data.layout;
  if (hotness[at] !== 1)
    throw new ConfigError(`Table '${table}' has ${hotness[at]} ids an input; a group needs one.`, {
      fix: "Choose a table of one id, such as that of users.",
      details: { option: "group", found: table, hotness: hotness[at] },
    });
  const perStep = hotness.reduce((sum, bag) => sum + bag, 0);
  const column = hotness.slice(0, at).reduce((sum, bag) => sum + bag, 0);
  const perInput = Math.max(1, data.layout.steps) * perStep;
  const groups = new Int32Array(source.rows);
  using reader = openRows(source, { batch: inputsAtOnce, tables: data.tables });
  for (let batch = 0, next = 0; batch < reader.batches; batch++) {
    const { inputs, ids } = reader.read(batch, null);
    for (let i = 0; i < inputs; i++) groups[next++] = ids[(i + 1) * perInput - perStep + column];
  }
  return groups;
}
