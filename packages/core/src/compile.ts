import { ShapeError } from "./errors.js";
import { type Node, opOf } from "./ops/index.js";
import { showShape } from "./ops/shape.js";
import type { GradientMode, Value } from "./ops/types.js";
import { largestSize } from "./plain.js";
import { denseShape, elements, type Program, rowsShape } from "./program.js";
import { readProgram } from "./read-job.js";

/** Gradients of one node: what to do with each input's and each parameter's gradient. */
export interface BackwardStep {
  /** Index into `Program.nodes`. */
  readonly node: number;
  readonly inputModes: readonly GradientMode[];
  readonly paramModes: readonly GradientMode[];
}

/**
 * A program with everything an engine needs: the shape of every value (without B) and the backward pass in execution order.
 * The gradient of `rows` `[B, (S,) T, D]` is always produced; that of `dense` never. This is what crosses to C++.
 */
export interface CompiledProgram {
  readonly program: Program;
  readonly shapes: Readonly<Record<Value, readonly number[]>>;
  readonly backward: readonly BackwardStep[];
}

type Shapes = Record<Value, readonly number[]>;

/**
 * Checks a program, finds the shape of every value and derives the backward pass.
 * The result shares nothing with what was given.
 * @throws ShapeError naming the node or value with what was expected and found, ConfigError for a field of a wrong type.
 */
export function compile(given: Program): CompiledProgram {
  const program = readProgram(given, "program");
  checkSizes(program);
  checkNames(program);
  const shapes = inferShapes(program);
  checkLogit(program, shapes);
  return { program, shapes, backward: differentiate(program) };
}

/**
 * The backward pass: nodes in reverse order. The first consumer to run writes a value's or parameter's gradient, later ones
 * add; a node that has the same value twice writes at the first position and adds at the later ones, so kernels take
 * operands in order. Values that depend on neither rows nor parameters get no gradient, and a node whose operands all are
 * such has no step.
 */
export function differentiate(program: Program): BackwardStep[] {
  const wanted = new Set<Value>(["rows"]);
  for (const node of program.nodes)
    if (node.params.length > 0 || node.inputs.some((input) => wanted.has(input))) wanted.add(node.output);
  const written = new Set<string>();
  const mode = (kind: string, name: string): GradientMode => {
    const key = `${kind} ${name}`;
    if (written.has(key)) return "add";
    written.add(key);
    return "write";
  };
  const steps: BackwardStep[] = [];
  for (let node = program.nodes.length - 1; node >= 0; node--) {
    const { inputs, params, output } = program.nodes[node];
    if (!wanted.has(output)) continue;
    steps.push({
      node,
      inputModes: inputs.map((input) => (wanted.has(input) ? mode("value", input) : "none")),
      paramModes: params.map((param) => mode("param", param)),
    });
  }
  return steps;
}

function fail(program: Program, what: string, expected: string, found: string, fix: string, where: object = {}): never {
  throw new ShapeError(`Program '${program.name}': ${what} must be ${expected}, found ${found}.`, {
    fix,
    details: { program: program.name, expected, found, ...where },
  });
}

function checkSizes(program: Program): void {
  const whole = (name: string, value: number, least: number) => {
    if (!Number.isInteger(value) || value < least)
      fail(program, name, `an integer of at least ${least}`, `${value}`, "Correct the program's sizes.");
    if (value > largestSize) fail(program, name, "below 2^31", `${value}`, "Use smaller layers, tables or widths.");
  };
  whole("denseFeatures", program.denseFeatures, 0);
  whole("steps", program.steps, 0);
  whole("width", program.width, 1);
  whole("the number of tables", program.tables.length, 1);
  for (const table of program.tables) whole(`the rows of table '${table.name}'`, table.rows, 1);
  for (const param of program.params)
    for (const size of param.shape) whole(`each axis of parameter '${param.name}'`, size, 1);
}

function checkNames(program: Program): void {
  const tensors = new Set<string>();
  for (const { name } of [...program.tables, ...program.params]) {
    if (name === "" || name.includes("#"))
      fail(program, "a tensor's name", "non-empty and without '#'", `'${name}'`, "'#' marks optimizer state.");
    if (tensors.has(name)) fail(program, `tensor name '${name}'`, "unique", "it twice", "Rename one of them.");
    tensors.add(name);
  }
  const known = new Set<Value>(["dense", "rows"]);
  for (const node of program.nodes) {
    checkOperands(program, node, known);
    known.add(node.output);
  }
  if (!known.has(program.logit))
    fail(program, `logit '${program.logit}'`, "the output of a node", "no such value", "Name the last node's output.");
  checkAllUsed(program);
}

function checkOperands(program: Program, node: Node, known: ReadonlySet<Value>): void {
  const where = { node: node.output, op: node.op };
  for (const input of node.inputs)
    if (!known.has(input))
      fail(
        program,
        `input '${input}' of node '${node.output}'`,
        "`dense`, `rows` or the output of an earlier node",
        "no such value",
        `Known there: ${[...known].join(", ")}.`,
        where,
      );
  for (const param of node.params)
    if (!program.params.some(({ name }) => name === param))
      fail(
        program,
        `parameter '${param}' of node '${node.output}'`,
        "one of the program's parameters",
        "no such parameter",
        "Add it to `params`.",
        where,
      );
  if (known.has(node.output))
    fail(program, `output '${node.output}'`, "a new name", "a value of that name", "Rename the output.", where);
}

/** Every value, parameter and the rows must lead to the logit: engines then have a gradient for each. */
function checkAllUsed(program: Program): void {
  const values = new Set<Value>([program.logit, ...program.nodes.flatMap((node) => node.inputs)]);
  const params = new Set(program.nodes.flatMap((node) => node.params));
  const idle =
    program.nodes.find((node) => !values.has(node.output))?.output ??
    program.params.find((param) => !params.has(param.name))?.name ??
    (values.has("rows") ? undefined : "rows");
  if (idle !== undefined)
    fail(program, `'${idle}'`, "used on the way to the logit", "no use of it", "Remove it or use it.", { node: idle });
}

function inferShapes(program: Program): Shapes {
  const params = new Map(program.params.map((param) => [param.name, param.shape]));
  // Without a prototype: `__proto__` is a name like others.
  const shapes: Shapes = Object.create(null);
  const add = (name: Value, shape: readonly number[]) => {
    if (elements(shape) > largestSize)
      fail(program, `the size of value '${name}'`, "below 2^31", showShape(shape), "Use smaller layers.");
    shapes[name] = shape;
  };
  add("dense", denseShape(program));
  add("rows", rowsShape(program));
  for (const node of program.nodes) {
    add(
      node.output,
      opOf(node.op).shape(
        node,
        node.inputs.map((input) => shapes[input]),
        node.params.map((param) => params.get(param) ?? []),
      ),
    );
    if (elements(shapes[node.output]) === 0)
      fail(
        program,
        `value '${node.output}'`,
        "at least one element",
        showShape(shapes[node.output]),
        "Only dense features may be none.",
      );
  }
  return shapes;
}

function checkLogit(program: Program, shapes: Shapes): void {
  const shape = shapes[program.logit];
  if (shape?.length !== 1 || shape[0] !== 1)
    fail(
      program,
      `logit '${program.logit}'`,
      showShape([1]),
      shape ? showShape(shape) : "no such value",
      "Let the last node give one value per input.",
      { node: program.logit },
    );
}
