/** The law of exactness and the traffic law, checked through the session interface only: works for every engine. */
import { type Engine, type Evaluation, type SegmentReport, type Session, trafficKinds } from "../engine.js";
import type { Numbers } from "../ops/types.js";
import { optimizers, rowStateValues } from "../optimizers/index.js";
import type { RouteName } from "../plan.js";
import { elements } from "../program.js";
import { residencyOf } from "../residency.js";
import { evaluationRoute } from "../routes/index.js";
import { openRows } from "../rows.js";
import { type BatchIds, predictSwitches, predictTraffic, switchBytes, type TrafficShape } from "../traffic.js";
import { type ExactnessProblem, type ProblemStep, type Variant, variantsOf } from "./problems.js";

export interface ExactnessOptions {
  /** Engine that gives the expected values; default: the engine itself. */
  readonly against?: Engine;
  /** Route that gives the expected values; default `host`. */
  readonly route?: RouteName;
  /** Largest |actual - expected| / (1 + |expected|); 0, the default, asks for equal bits. */
  readonly tolerance?: number;
}

export interface ExactnessResult {
  /** What differs, one line each; empty when the law holds. */
  readonly differences: readonly string[];
  /** Variants that ran and were compared. */
  readonly checked: readonly string[];
  /** Variants that the engine refuses, with its reasons. */
  readonly skipped: readonly string[];
}

/** What a run leaves behind: every tensor, every loss, every score. */
type Trace = Map<string, Numbers>;

/**
 * Runs a problem in every variant and compares parameters, rows, optimizer state, losses and scores with the expected run of
 * the same order, and every byte counter with its prediction.
 */
export async function checkExactness(
  engine: Engine,
  problem: ExactnessProblem,
  { against = engine, route = "host", tolerance = 0 }: ExactnessOptions = {},
): Promise<ExactnessResult> {
  const differences: string[] = [];
  const checked: string[] = [];
  const skipped: string[] = [];
  const expected = new Map<string, Trace>();
  const variants = variantsOf(problem);
  for (const variant of variants.filter(({ name, order }) => name === `${order} ${route}`)) {
    const traffic: string[] = [];
    expected.set(variant.order, await trace(against, problem, variant, traffic));
    if (against === engine) differences.push(...traffic);
  }
  for (const variant of variants) {
    const basis = expected.get(variant.order);
    const reasons = engine.refuses({ ...problem.job, plan: variant.plan });
    if (reasons.length > 0) skipped.push(`${variant.name}: ${reasons.join(" ")}`);
    else if (!basis) skipped.push(`${variant.name}: no expected run on route ${route}`);
    else {
      const actual = await trace(engine, problem, variant, differences);
      differences.push(...compare(variant.name, actual, basis, tolerance));
      checked.push(variant.name);
    }
  }
  return { differences: differences.map((line) => `${problem.name}: ${line}`), checked, skipped };
}

async function trace(
  engine: Engine,
  problem: ExactnessProblem,
  variant: Variant,
  differences: string[],
): Promise<Trace> {
  await using session = await engine.open({ ...problem.job, plan: variant.plan });
  const tensors: Trace = new Map();
  const predict = predictor(problem, variant);
  for (const [i, step] of problem.orders[variant.order].entries()) {
    const where = `${variant.name}, step ${i}`;
    const prediction = predict(step);
    if (step.kind === "run") {
      const route = variant.routeOf(step.isHot);
      const report = await session.run({ ...step.segment, route }, step.learningRates);
      tensors.set(`losses of step ${i}`, report.losses);
      differences.push(...compareTraffic(`${where} (${route})`, report, prediction));
    } else {
      const evaluation = await session.evaluate(step.source);
      tensors.set(`scores of step ${i}`, evaluation.scores);
      tensors.set(`loss of step ${i}`, Float64Array.of(evaluation.loss));
      tensors.set(`labels of step ${i}`, Float32Array.from(evaluation.labels));
      differences.push(...compareTraffic(`${where} (evaluate)`, evaluation, prediction));
    }
  }
  for (const name of tensorNames(problem)) tensors.set(name, await readNumbers(session, name));
  return tensors;
}

/** Names of all tensors of a session: tables, parameters, their optimizer state, the step. */
export function tensorNames({ job }: Pick<ExactnessProblem, "job">): string[] {
  const { rowSlots, denseSlots } = optimizers[job.optimizer.name];
  const names = (specs: readonly { readonly name: string }[], slots: readonly { readonly name: string }[]) =>
    specs.flatMap(({ name }) => [name, ...slots.map((slot) => `${name}#${slot.name}`)]);
  return [...names(job.program.tables, rowSlots), ...names(job.program.params, denseSlots), "#step"];
}

/** Sessions of the reference engine are compared in float64. */
const readNumbers = (session: Session, name: string): Promise<Numbers> =>
  "numbers" in session
    ? (session as Session & { numbers(name: string): Promise<Numbers> }).numbers(name)
    : session.read(name);

function compare(variant: string, actual: Trace, expected: Trace, tolerance: number): string[] {
  const lines: string[] = [];
  for (const [name, values] of expected) {
    const found = actual.get(name) ?? new Float32Array(0);
    if (found.length !== values.length) {
      lines.push(`${variant}: ${name} has ${found.length} values, expected ${values.length}`);
      continue;
    }
    const isEqual = (i: number) =>
      Object.is(found[i], values[i]) || Math.abs(found[i] - values[i]) <= tolerance * (1 + Math.abs(values[i]));
    const bad = values.findIndex((_, i) => !isEqual(i));
    if (bad >= 0) lines.push(`${variant}: ${name}[${bad}] is ${found[bad]}, expected ${values[bad]}`);
  }
  return lines;
}

type Prediction = Pick<SegmentReport, "bytes" | "coldRows" | "forwardedRows" | "switchedRows">;

/** Predicts each step's traffic from the ids of its batches. */
function predictor({ job, hotRows }: ExactnessProblem, { plan, routeOf }: Variant): (step: ProblemStep) => Prediction {
  const { program, optimizer, batch, sources } = job;
  const { regime } = residencyOf(program, plan);
  const shape: TrafficShape = {
    layout: sources[0].layout,
    width: program.width,
    stateValues: rowStateValues(optimizer.name, program.width),
    parameters: program.params.reduce((sum, param) => sum + elements(param.shape), 0),
    hotRows,
    lookAhead: plan.lookAhead,
  };
  const switches = plan.routes.includes("hot") && plan.routes.includes("hybrid") ? predictSwitches(shape) : null;
  const readers = new Map(sources.map((source) => [source.name, openRows(source, { batch })]));
  const idsOf = (source: string, batches: Iterable<number>, epoch: number | null): BatchIds[] => {
    const reader = readers.get(source);
    return reader ? Array.from(batches, (number) => reader.read(number, epoch)) : [];
  };
  return (step) => {
    if (step.kind === "run") {
      const { source, batches, epoch } = step.segment;
      const route = routeOf(step.isHot);
      const ids = idsOf(source, batches, epoch);
      const prediction = predictTraffic(route, shape, ids, "train");
      const switchedRows = switches && (route === "hot" || route === "hybrid") ? switches.segment(route, ids) : 0;
      prediction.bytes.switch[route === "hot" ? "toDevice" : "toHost"] = switchBytes(shape, switchedRows);
      return { ...prediction, switchedRows };
    }
    const count = readers.get(step.source)?.batches ?? 0;
    const ids = idsOf(step.source, Array(count).keys(), null);
    const prediction = predictTraffic(evaluationRoute[regime], shape, ids, "evaluate");
    const switchedRows = switches?.evaluation() ?? 0;
    prediction.bytes.switch.toHost = switchBytes(shape, switchedRows);
    return { ...prediction, switchedRows };
  };
}

function compareTraffic(where: string, counted: SegmentReport | Evaluation, predicted: Prediction): string[] {
  const lines: string[] = [];
  const check = (what: string, found: number, expected: number) => {
    if (found !== expected) lines.push(`${where}: ${what} counted ${found}, predicted ${expected}`);
  };
  for (const kind of trafficKinds)
    for (const direction of ["toDevice", "toHost"] as const)
      check(`bytes.${kind}.${direction}`, counted.bytes[kind][direction], predicted.bytes[kind][direction]);
  if ("coldRows" in counted)
    for (const rows of ["coldRows", "forwardedRows", "switchedRows"] as const)
      check(rows, counted[rows], predicted[rows]);
  return lines;
}
