import type { BatchIndex, Session, SourceIndex } from "@fae/core";
import type { LoopEvent, SegmentEvent, TestEvent } from "./loop.js";
import type { TrainOptions } from "./options.js";
import type { TrainReport } from "./report.js";
import { memorySampler, type RunEvent, type Start, type StartEvent, startEvent } from "./run-events.js";

export interface RunListeners {
  /** Every event, those before an interruption left out. */
  append(event: RunEvent): void;
  onStart?(start: StartEvent, before: readonly RunEvent[]): void;
  onEvent?(event: LoopEvent): void;
  onProgress?(inputsDone: number, inputsTotal: number, loss: number): void;
}

export interface RecordedRun extends Pick<Start, "options" | "planned" | "choice"> {
  readonly session: Pick<Session, "memory">;
  readonly step: number;
  /** Events that a resumed run had until its checkpoint. */
  readonly before: readonly RunEvent[];
  /** Percent; undefined for orders without such a rate. */
  schedulerRate(): number | undefined;
}

/** What of a run's events is kept in memory: a long run has many. */
export interface RunRecord {
  readonly lossCurve: TrainReport["lossCurve"];
  readonly tests: readonly TestEvent[];
  onEvent(event: LoopEvent): void;
}

/** Tells the listeners that a run starts, and then what happens in it. */
export async function recordRun(run: RecordedRun, listeners: RunListeners): Promise<RunRecord> {
  const { before, planned } = run;
  const memory = await run.session.memory();
  const total = totalOf(planned.index, run.options);
  const start = startEvent({ ...run, ...total, memory });
  listeners.append(start);
  listeners.onStart?.(start, before);
  const lossCurve = before.flatMap((event) => (event.kind === "segment" ? [curvePoint(event)] : []));
  const tests = before.filter((event) => event.kind === "test");
  const memoryNow = memorySampler(run.session, memory);
  let inputsDone = before.reduce((sum, event) => sum + (event.kind === "segment" ? event.inputs : 0), 0);
  return {
    lossCurve,
    tests,
    onEvent(event) {
      const schedulerRate = run.schedulerRate();
      const whole =
        event.kind === "test"
          ? event
          : { ...event, ...(schedulerRate !== undefined && { schedulerRate }), ...memoryNow() };
      listeners.append(whole);
      listeners.onEvent?.(whole);
      if (event.kind === "test") {
        tests.push(event);
        return;
      }
      lossCurve.push(curvePoint(event));
      inputsDone += event.inputs;
      listeners.onProgress?.(inputsDone, total.inputsTotal, event.loss);
    },
  };
}

const curvePoint = ({ step, epoch, route, loss }: SegmentEvent): TrainReport["lossCurve"][number] => ({
  step,
  epoch,
  route,
  loss,
});

/** Updates of a whole training, unless tests end it early. */
export const stepsOf = (index: BatchIndex, { maxBatches }: Pick<TrainOptions, "maxBatches">): number =>
  Math.min(
    ofEpochs(index, ({ batches }) => batches),
    maxBatches ?? Number.POSITIVE_INFINITY,
  );

const totalOf = (index: BatchIndex, options: Pick<TrainOptions, "maxBatches" | "batch">) => ({
  inputsTotal: Math.min(
    ofEpochs(index, ({ rows }) => rows),
    (options.maxBatches ?? Number.POSITIVE_INFINITY) * options.batch,
  ),
  stepsTotal: stepsOf(index, options),
});

function ofEpochs({ train, hot, cold, epochs }: BatchIndex, count: (source: SourceIndex) => number): number {
  const sources = hot || cold ? [hot, cold] : [train];
  return epochs * sources.reduce((sum, source) => sum + (source ? count(source) : 0), 0);
}
