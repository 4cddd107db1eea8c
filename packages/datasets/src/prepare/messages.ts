import type { ErrorMessage } from "@fae/core";
import type { TaskEvent, TaskName, Tasks } from "./tasks.js";

export interface TaskRequest {
  readonly name: TaskName;
  readonly input: Tasks[TaskName]["in"];
}

export type TaskReply =
  | { readonly kind: "event"; readonly event: TaskEvent }
  | { readonly kind: "done"; readonly output: Tasks[TaskName]["out"] }
  | { readonly kind: "failed"; readonly error: ErrorMessage };
