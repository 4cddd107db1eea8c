import type { CheckpointEvent } from "./checkpoints.js";
import type { LoopEvent } from "./loop.js";
import type { RunEvent, StartEvent } from "./run-events.js";

/** What a caller may watch and influence. */
export interface TrainHooks {
  /** Stops between two segments; what is left on disk is a run that has a checkpoint, or nothing. */
  readonly signal?: AbortSignal;
  /** One line for people: what was chosen and why. */
  log?(line: string): void;
  /** @param loss mean loss of the latest segment */
  onProgress?(inputsDone: number, inputsTotal: number, loss: number): void;
  /** @param before the events that a resumed run had until its checkpoint */
  onStart?(start: StartEvent, before: readonly RunEvent[]): void;
  onEvent?(event: LoopEvent): void;
  onCheckpoint?(event: CheckpointEvent): void;
  /** Seconds that a finished training waits for room when the disk is full as it is written; default 3600. */
  readonly roomSeconds?: number;
}
