import { compile, elements, type Init, type Node, type Program } from "@fae/core";

/** Number of dense parameters of a program: everything but the tables. */
export const parameterCount = (program: Pick<Program, "params">): number =>
  program.params.reduce((sum, param) => sum + elements(param.shape), 0);

const digits = (n: number): string => n.toString().replace(/\B(?=(\d{3})+$)/g, ",");

function start(init: Init): string {
  switch (init.kind) {
    case "uniform":
      return `U(±${init.bound.toPrecision(4)})`;
    case "normal":
      return `N(0, ${init.deviation.toPrecision(4)}²)`;
    case "zeros":
      return "0";
  }
}

function attributes(node: Node): string {
  const { attributes } = node;
  return Object.entries(attributes)
    .filter(([, value]) => value !== false && value !== "none")
    .map(([name, value]) => (value === true ? name : `${name}=${value}`))
    .join(" ");
}

/** Pads columns with spaces; the last one is left as it is. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, c) => Math.max(...rows.map((row) => row[c].length)));
  return rows.map((row) =>
    `  ${row.map((cell, c) => (c < row.length - 1 ? cell.padEnd(widths[c]) : cell)).join("  ")}`.trimEnd(),
  );
}

/**
 * A program as text for people, diffs and golden tests: sizes, tables, parameters with their starts, nodes in execution
 * order with the shapes of their outputs (without B). Equal programs give equal texts.
 *
 * @throws ShapeError when the program is not valid.
 */
export function describeProgram(program: Program): string {
  const { name, denseFeatures, steps, width, tables, params, nodes, logit } = program;
  const { shapes } = compile(program);
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  return [
    `program ${name}: F ${denseFeatures}, S ${steps}, T ${tables.length}, D ${width}`,
    `tables: ${digits(rows)} rows, ${digits(rows * width * 4)} bytes`,
    ...columns(tables.map((table) => [table.name, `${table.rows} x ${width}`, start(table.init)])),
    `parameters: ${digits(parameterCount(program))} values`,
    ...columns(params.map((param) => [param.name, param.shape.join(" x "), start(param.init)])),
    "nodes",
    ...columns(
      nodes.map((node) => [
        node.output,
        `[${shapes[node.output].join(", ")}]`,
        `= ${node.op}(${[...node.inputs, ...node.params].join(", ")})`,
        attributes(node),
      ]),
    ),
    `loss: mean binary cross entropy of sigmoid(${logit})`,
    "",
  ].join("\n");
}
