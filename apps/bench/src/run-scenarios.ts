import { checkOptions, FaeError, is, type Shape } from "@fae/core";
import { machineFacts } from "./measure/machine.js";
import type { Result } from "./result.js";
import { keepRepeats, writeResult } from "./result-file.js";
import type { Bench, Findings, Scenario } from "./scenario.js";
import { benchVersion } from "./version.js";

export interface RunRequest {
  readonly scenarios: readonly Scenario[];
  readonly bench: Omit<Bench, "secondsLeft" | "record">;
  /** Seconds after which a scenario starts no further round; null: no limit. */
  readonly maxSeconds: number | null;
  /** Folder of the result files. */
  readonly out: string;
  /** Whether the scenarios were named; one that cannot run here is otherwise left out without being a failure. */
  readonly isNamed: boolean;
  /** For the record: command line, commit, options that shaped the numbers. */
  readonly command: string;
  readonly commit: string;
  readonly options: Readonly<Record<string, unknown>>;
}

const kinds: Shape<RunRequest> = {
  scenarios: is.list(is.having("a scenario", { name: is.text, run: is.call })),
  bench: is.having("what scenarios work with", { log: is.call }),
  maxSeconds: is.orNull(is.number("a number above 0", (seconds) => seconds > 0)),
  out: is.text,
  isNamed: is.flag,
  command: is.any,
  commit: is.any,
  options: is.having("options by name"),
};

export interface RunOutcome {
  readonly scenario: string;
  /** Result file; null when there is none. */
  readonly path: string | null;
  readonly seconds: number;
  /** Checks that did not hold. */
  readonly failedChecks: readonly string[];
  /** Why there is no result: it failed, or it cannot run here. */
  readonly error: Error | null;
  readonly isLeftOut: boolean;
}

/**
 * Runs scenarios one after the other; each result file appears whole when its scenario is done. A scenario that fails does not
 * stop the others.
 * @throws FaeError ERR_INTERRUPTED after Ctrl-C; results of finished scenarios stay.
 */
export async function runScenarios(request: RunRequest): Promise<RunOutcome[]> {
  checkOptions("runScenarios", request, kinds);
  const outcomes: RunOutcome[] = [];
  for (const scenario of request.scenarios) outcomes.push(await runOne(scenario, request));
  return outcomes;
}

async function runOne(scenario: Scenario, request: RunRequest): Promise<RunOutcome> {
  const { bench } = request;
  const started = new Date();
  const from = performance.now();
  const secondsNow = () => (performance.now() - from) / 1000;
  const secondsLeft = () => (request.maxSeconds ?? Number.POSITIVE_INFINITY) - secondsNow();
  const kept = keepRepeats(request.out, scenario.name);
  bench.log(`== ${scenario.name}: ${scenario.title}`);
  try {
    const findings = await scenario.run({ ...bench, secondsLeft, record: kept.add });
    const found = resultOf(scenario, request, findings, started, secondsNow());
    const path = await writeResult(request.out, found);
    kept.remove();
    const failedChecks = found.checks.filter(({ passed }) => !passed).map(({ what, detail }) => `${what} (${detail})`);
    return { scenario: scenario.name, path, seconds: found.seconds, failedChecks, error: null, isLeftOut: false };
  } catch (error) {
    if (bench.signal.aborted) throw new FaeError("ERR_INTERRUPTED", `The run was interrupted in ${scenario.name}.`);
    // Neither what it needs nor what was asked for is there.
    const isMissing =
      error instanceof FaeError &&
      (error.code === "ERR_ENGINE_UNAVAILABLE" || error.details?.["option"] === "workload");
    return {
      scenario: scenario.name,
      path: null,
      seconds: secondsNow(),
      failedChecks: [],
      error: error instanceof Error ? error : new Error(String(error)),
      isLeftOut: isMissing && !request.isNamed,
    };
  }
}

function resultOf(
  { name, title, paper }: Scenario,
  { bench, command, commit, options }: RunRequest,
  { repeats, checks, tables, figures, headlines = [], notes, seeds }: Findings,
  started: Date,
  seconds: number,
): Result {
  return {
    schema: 1,
    scenario: name,
    title,
    paper,
    startedAt: started.toISOString(),
    seconds,
    command,
    commit,
    versions: { node: process.version, bench: benchVersion },
    machine: machineFacts([bench.engine, ...(bench.hostEngine ? [bench.hostEngine] : [])]),
    options: { ...options },
    seeds: [...seeds],
    repeats: repeats.map((repeat) => ({ ...repeat })),
    checks: [...checks],
    tables: [...tables],
    figures: [...figures],
    headlines: [...headlines],
    notes: [...notes],
  };
}
