import {
  ConfigError,
  DataError,
  DisposedError,
  DivergedError,
  EngineError,
  EngineUnavailableError,
  type FaeError,
  type FaeErrorOptions,
  OutOfMemoryError,
  ShapeError,
  UnsupportedError,
} from "@fae/core";
import { type NativeFailure, statusCodes } from "./binding.js";

const classes: Readonly<Record<string, new (message: string, options?: FaeErrorOptions) => FaeError>> = {
  ERR_CONFIG: ConfigError,
  ERR_DATA: DataError,
  ERR_OUT_OF_MEMORY: OutOfMemoryError,
  ERR_ENGINE: EngineError,
  ERR_ENGINE_UNAVAILABLE: EngineUnavailableError,
  ERR_UNSUPPORTED: UnsupportedError,
  ERR_DIVERGED: DivergedError,
  ERR_DISPOSED: DisposedError,
  ERR_SHAPE: ShapeError,
};

const isNativeFailure = (error: unknown): error is NativeFailure =>
  error instanceof Error && typeof (error as Partial<NativeFailure>).status === "number";

/** The FaeError that a native failure stands for; other errors stay as they are. */
export function failureOf(error: unknown): unknown {
  if (!isNativeFailure(error)) return error;
  const type = classes[statusCodes[error.status] ?? "ERR_ENGINE"] ?? EngineError;
  return new type(error.message, { details: error.details === "" ? {} : JSON.parse(error.details), cause: error });
}
