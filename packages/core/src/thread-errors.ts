import { DataError, type ErrorCode, FaeError } from "./errors.js";

/** An error as it crosses between threads: its class does not survive the crossing. */
export interface ErrorMessage {
  readonly fae: {
    readonly code: ErrorCode;
    readonly fix: string | null;
    readonly details: Readonly<Record<string, unknown>>;
  } | null;
  /** Without the fix. */
  readonly message: string;
  /** Of a system error: ENOSPC and the like, with the path. */
  readonly system: { readonly code?: string; readonly path?: string };
  readonly stack: string | null;
}

/** In the thread that failed; post what it returns. */
export function errorToMessage(error: unknown): ErrorMessage {
  const { message, stack = null } = error instanceof Error ? error : new Error(String(error));
  if (error instanceof FaeError) {
    const { code, fix = null, details } = error;
    const bare = fix === null ? message : message.slice(0, -fix.length - 1);
    return { fae: { code, fix, details: JSON.parse(JSON.stringify(details)) }, message: bare, system: {}, stack };
  }
  const { code, path } = (error ?? {}) as NodeJS.ErrnoException;
  return { fae: null, message, system: { ...(code && { code }), ...(path && { path }) }, stack };
}

/** In the thread that is told: the same code, message, fix and details. */
export function errorFromMessage({ fae, message, system, stack }: ErrorMessage): Error {
  if (fae === null) return Object.assign(new Error(message), system, stack === null ? {} : { stack });
  const options = { ...(fae.fix === null ? {} : { fix: fae.fix }), details: fae.details };
  return fae.code === "ERR_DATA" ? new DataError(message, options) : new FaeError(fae.code, message, options);
}
