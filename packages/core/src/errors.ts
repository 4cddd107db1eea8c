/** Stable machine-readable error codes. A code never changes its meaning; new ones may be added. */
export type ErrorCode =
  | "ERR_SHAPE"
  | "ERR_PLAN"
  | "ERR_UNSUPPORTED"
  | "ERR_OUT_OF_MEMORY"
  | "ERR_DATA"
  | "ERR_CONFIG"
  | "ERR_ENGINE"
  | "ERR_ENGINE_UNAVAILABLE"
  | "ERR_NATIVE_MISSING"
  | "ERR_DIVERGED"
  | "ERR_DISPOSED"
  | "ERR_INTERRUPTED"
  | "ERR_DISK_FULL";

export interface FaeErrorOptions {
  /** What the user can do next, one sentence. Appended to the message. */
  readonly fix?: string;
  /** Typed facts: path, byteOffset, line, table, expected, found, needBytes, freeBytes, step ... */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** Every error that FAE throws on purpose. The message says what failed with which values, then what to do. */
export class FaeError extends Error {
  readonly code: ErrorCode;
  readonly fix: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: FaeErrorOptions = {}) {
    super(
      options.fix ? `${message} ${options.fix}` : message,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.name = new.target.name;
    this.code = code;
    this.fix = options.fix;
    this.details = options.details ?? {};
  }
}

/** Named, so that the declarations hold no type of Node: the inferred one lists `Error.prepareStackTrace(NodeJS.CallSite[])`. */
type FaeErrorClass = new (message: string, options?: FaeErrorOptions) => FaeError;

const subclass = (code: ErrorCode): FaeErrorClass =>
  class extends FaeError {
    constructor(message: string, options?: FaeErrorOptions) {
      super(code, message, options);
    }
  };

/** Two shapes that must agree do not. */
export class ShapeError extends subclass("ERR_SHAPE") {}
/** A plan that cannot be carried out: placement, budget, route. */
export class PlanError extends subclass("ERR_PLAN") {}
/** An engine cannot do what was asked; says which engine can. */
export class UnsupportedError extends subclass("ERR_UNSUPPORTED") {}
/** Host or device memory is too small; `details.needBytes`, `details.freeBytes`. */
export class OutOfMemoryError extends subclass("ERR_OUT_OF_MEMORY") {}
/** Input data are broken or do not match; `details.path`, `line`, `byteOffset`. */
export class DataError extends subclass("ERR_DATA") {}
/** An option or a configuration file is wrong; `details.option`, `found`, `expected`. */
export class ConfigError extends subclass("ERR_CONFIG") {}
/** An engine failed while running. */
export class EngineError extends subclass("ERR_ENGINE") {}
/** An engine is not available on this machine; says why and how to get it. */
export class EngineUnavailableError extends subclass("ERR_ENGINE_UNAVAILABLE") {}
/** The loss is not finite; `details.step`, `details.table`. */
export class DivergedError extends subclass("ERR_DIVERGED") {}
/** A session or table was used after it was closed. */
export class DisposedError extends subclass("ERR_DISPOSED") {}
