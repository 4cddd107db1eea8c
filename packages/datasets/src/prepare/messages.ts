import type { ErrorMessage } from "@fae/core";
import type { Output, TaskEvent, TaskName, Tasks } from "./tasks.js";

export interface TaskRequest {
  readonly name: TaskName;
  readonly input: Tasks[TaskName]["in"];
}

export type TaskReply =
  | { readonly kind: "event"; readonly event: TaskEvent }
  | { readonly kind: "done"; readonly output: Output<TaskName> }
  | { readonly kind: "failed"; readonly error: ErrorMessage };
