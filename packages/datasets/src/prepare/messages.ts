import { DataError, type ErrorCode, FaeError } from "@fae/core";
import type { TaskEvent, TaskName, Tasks } from "./tasks.js";

export interface TaskRequest {
  readonly name: TaskName;
  readonly input: Tasks[TaskName]["in"];
}

export type TaskReply =
  | { readonly kind: "event"; readonly event: TaskEvent }
  | { readonly kind: "done"; readonly output: Tasks[TaskName]["out"] }
  | { readonly kind: "failed"; readonly error: ErrorMessage };

/** An error as it crosses between threads: the class does not survive the crossing. */
export interface ErrorMessage {
  readonly fae: {
    readonly code: ErrorCode;
    readonly fix: string | null;
    readonly details: Record<string, unknown>;
  } | null;
  /** Without the fix. */
  readonly message: string;
  /** Of a system error: ENOSPC and the like. */
  readonly systemCode: string | null;
  readonly stack: string | null;
}

export function errorToMessage(error: unknown): ErrorMessage {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (error instanceof FaeError) {
    const { code, fix = null, details } = error;
    const bare = fix === null ? message : message.slice(0, -fix.length - 1);
    return { fae: { code, fix, details: { ...details } }, message: bare, systemCode: null, stack: stack ?? null };
  }
  const systemCode = (error as NodeJS.ErrnoException | null)?.code ?? null;
  return { fae: null, message, systemCode, stack: stack ?? null };
}

export function errorFromMessage({ fae, message, systemCode, stack }: ErrorMessage): Error {
  if (fae) {
    const options = { ...(fae.fix === null ? {} : { fix: fae.fix }), details: fae.details };
    return fae.code === "ERR_DATA" ? new DataError(message, options) : new FaeError(fae.code, message, options);
  }
  const error = new Error(message);
  if (stack !== null) error.stack = stack;
  return systemCode === null ? error : Object.assign(error, { code: systemCode });
}
