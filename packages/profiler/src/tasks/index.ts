import { type ClassifyResult, type ClassifyTask, runClassify } from "./classify.js";
import { type CountResult, type CountTask, runCount } from "./count.js";
import { type JudgeResult, type JudgeTask, runJudge } from "./judge.js";

/** Work that a thread can do on its own: plain data and shared memory in, plain data out. */
export type Task = CountTask | JudgeTask | ClassifyTask;

export type ResultOf<T extends Task> = T extends CountTask
  ? CountResult
  : T extends JudgeTask
    ? JudgeResult
    : ClassifyResult;

/** Starts a task. It yields the number of inputs done since its last yield, and returns its result. */
export function startTask(task: Task): Generator<number, CountResult | JudgeResult | ClassifyResult, undefined> {
  switch (task.kind) {
    case "count":
      return runCount(task);
    case "judge":
      return runJudge(task);
    case "classify":
      return runClassify(task);
  }
}
