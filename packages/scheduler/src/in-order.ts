import type { BatchIndex, RouteName } from "@fae/core";
import { PlanError } from "@fae/core";
import type { OrderMachine } from "./order.js";
import { checkIndex, segment } from "./segments.js";

export interface InOrderState {
  readonly kind: "in-order";
  readonly epoch: number;
  /** Next batch of the epoch. */
  readonly batch: number;
  /** Batches of an epoch: a state fits only the index it came from. */
  readonly batches: number;
}

/**
 * Every batch of the train source on one route, batch numbers rising, epoch after epoch. With `shuffle: "total"` it is the
 * source that permutes the inputs, freshly in each epoch, so rising batch numbers are a random order; with `"none"` this is
 * file order.
 */
export const inOrder = (route: RouteName): OrderMachine<InOrderState> => ({
  start(index) {
    checkIndex(index);
    return { kind: "in-order", epoch: 0, batch: 0, batches: index.train.batches };
  },
  next(state, index) {
    checkFits(state, index);
    if (state.epoch >= index.epochs || index.train.batches === 0) return null;
    return segment(index, { route, source: index.train.name, epoch: state.epoch }, state.batch, index.train.batches);
  },
  after(state, step, _feedback, index) {
    if (step.kind === "test") return state;
    const batch = state.batch + step.batches.length;
    return batch < index.train.batches ? { ...state, batch } : { ...state, epoch: state.epoch + 1, batch: 0 };
  },
});

function checkFits(state: InOrderState, index: BatchIndex): void {
  if (state.batches === index.train.batches) return;
  throw new PlanError(
    `The order to resume has ${state.batches} batches per epoch, this data set and batch size have ${index.train.batches}.`,
    {
      fix: "Resume with the data set and the batch size that the checkpoint was made with.",
      details: { expected: state.batches, found: index.train.batches },
    },
  );
}
