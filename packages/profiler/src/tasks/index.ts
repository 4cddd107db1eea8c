import { type ClassifyResult, type ClassifyTask, runClassify } from "./classify.js";
import { type CountResult, type CountTask, runCount } from "./count.js";
import { type HistogramResult, type HistogramTask, runHistogram } from "./histogram.js";
import { type JudgeResult, type JudgeTask, runJudge } from "./judge.js";

/** Work that a thread can do on its own: plain data and shared memory in, plain data out. */
export type Task = CountTask | HistogramTask | JudgeTask | ClassifyTask;

export type ResultOf<T extends Task> = T extends CountTask
  ? CountResult
  : T extends HistogramTask
    ? HistogramResult
    : T extends JudgeTask
      ? JudgeResult
      : ClassifyResult;

export type Result = CountResult | HistogramResult | JudgeResult | ClassifyResult;

/** Starts a task. It yields the number of inputs done since its last yield, and returns its result. */
export function startTask(task: Task): Generator<number, Result, undefined> {
  switch (task.kind) {
    case "count":
      return runCount(task);
    case "histogram":
      return runHistogram(task);
    case "judge":
      return runJudge(task);
    case "classify":
      return runClassify(task);
  }
}
