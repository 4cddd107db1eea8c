export type { BatchSource, DenseEncoding, IdColumns, RowLayout } from "./batch.js";
export { idColumns, idsPerStep, layoutLimits, noRow, strideBytes, strideWords } from "./batch.js";
export {
  type BuilderOptions,
  type LinearOptions,
  type MlpOptions,
  type NodeOptions,
  ProgramBuilder,
} from "./builder.js";
export { checkArguments, checkOptions } from "./check-call.js";
export { type BackwardStep, type CompiledProgram, compile, differentiate } from "./compile.js";
export { dataKinds } from "./data-kinds.js";
export { existing, makeDirectory, removeEmpty, syncPath } from "./disk/directories.js";
export { lockPath, type PathLock } from "./disk/path-lock.js";
export { isOtherAlive, processTag, tagPattern } from "./disk/process-tag.js";
export { naming, type WritableFile, withPath, writeFully, writeFullyTo } from "./disk/write-fully.js";
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
export { expectFile, expectNoLinks, readOriginalIds, readSmallFile } from "./files.js";
export type { GroupedAuc } from "./grouped-auc.js";
export { groupedAuc } from "./grouped-auc.js";
export {
  type IdMapping,
  type IdRule,
  idDifference,
  idRules,
  type LogName,
  logNames,
  type TableIds,
} from "./id-mapping.js";
export { initialParameter, initialRow } from "./initial.js";
export { is, type Kind, type Shape } from "./kinds.js";
export { correctedScore, crossEntropy, logClamp, lossGradient, meanLoss, score } from "./loss.js";
export { auc, type Metrics, meanCrossEntropy, metrics } from "./metrics.js";
export { suggestion } from "./nearest.js";
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
