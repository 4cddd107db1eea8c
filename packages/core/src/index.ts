export type { BatchSource, DenseEncoding, IdColumns, RowLayout } from "./batch.js";
export { idColumns, idsPerStep, noRow, strideBytes, strideWords } from "./batch.js";
export type { BuilderOptions, LinearOptions, MlpOptions, NodeOptions } from "./builder.js";
export { ProgramBuilder } from "./builder.js";
export type { BackwardStep, CompiledProgram } from "./compile.js";
export { compile, differentiate } from "./compile.js";
export type {
  Bytes,
  Engine,
  Evaluation,
  Job,
  Machine,
  SegmentReport,
  Session,
  Stage,
  TableStart,
  Traffic,
} from "./engine.js";
export { stages, trafficKinds, zeroBytes } from "./engine.js";
export type { ErrorCode, FaeErrorOptions } from "./errors.js";
export {
  ConfigError,
  DataError,
  DisposedError,
  DivergedError,
  EngineError,
  EngineUnavailableError,
  FaeError,
  OutOfMemoryError,
  PlanError,
  ShapeError,
  UnsupportedError,
} from "./errors.js";
export { readOriginalIds } from "./files.js";
export { initialParameter, initialRow } from "./initial.js";
export { crossEntropy, logClamp, lossGradient, meanLoss, score } from "./loss.js";
export type { Metrics } from "./metrics.js";
export { auc, metrics } from "./metrics.js";
export type { Network, NetworkInput, NetworkStep } from "./network.js";
export type { Activation } from "./ops/activations.js";
export type { AnyOp, Node, NodeOf, OpAttributes, OpCall, OpGradientCall, OpName, OpTable } from "./ops/index.js";
export { opOf, ops } from "./ops/index.js";
export { interactionPairs } from "./ops/interact.js";
export type { GradientMode, Numbers, OpCase, OpDefinition, Value } from "./ops/types.js";
export { optimizerSpec, optimizers, rowStateValues } from "./optimizers/index.js";
export type {
  OptimizerDefinition,
  OptimizerName,
  OptimizerSpec,
  StateSlot,
  UpdateCall,
} from "./optimizers/types.js";
export type {
  BatchIndex,
  Feedback,
  Placement,
  Plan,
  Problem,
  RouteName,
  Segment,
  SourceIndex,
  Strategy,
  TestRequest,
} from "./plan.js";
export { popularRows } from "./popularity.js";
export type { PackedInfo, PreparedData, SplitName } from "./prepared.js";
export type { Init, ParamSpec, Program, TableSpec } from "./program.js";
export { denseShape, elements, rowsShape } from "./program.js";
export { nameKey, normals, permutation, philox, Random, streams, uniformRow, unit } from "./random.js";
export { readAccess, readJob, readSegment, readValues } from "./read-job.js";
export type { ReferenceEngine } from "./reference/engine.js";
export { referenceEngine } from "./reference/engine.js";
export type { NetworkOptions } from "./reference/network.js";
export { referenceNetwork } from "./reference/network.js";
export { jobProblems, plainRefusals } from "./refusals.js";
export type { Regime, Residency } from "./residency.js";
export { planProblems, planRanges, residencyOf } from "./residency.js";
export type { NumbersType } from "./routes/arena.js";
export { checkLayout, checkSegment } from "./routes/checks.js";
export type { RouteEngine, RouteSession } from "./routes/session.js";
export { openRouteSession } from "./routes/session.js";
export type { Batch, RowReader, RowReaderOptions } from "./rows.js";
export { openRows } from "./rows.js";
export { stepOf, stepValues } from "./step-values.js";
export type { ErrorMessage } from "./thread-errors.js";
export { errorFromMessage, errorToMessage } from "./thread-errors.js";
export type {
  BatchCounts,
  BatchIds,
  ColdRowFlow,
  SwitchPrediction,
  TrafficPrediction,
  TrafficShape,
} from "./traffic.js";
export {
  coldRowFlow,
  distinctRowCount,
  evaluationBytes,
  predictSwitches,
  predictTraffic,
  switchBytes,
  trainingBytes,
} from "./traffic.js";
