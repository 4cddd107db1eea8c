import type { BatchIndex, Feedback, Segment, TestRequest } from "@fae/core";
import { checkArguments, checkOptions, is } from "@fae/core";

/** A batch order as a state machine over plain data. `follow` turns it into a generator. */
export interface OrderMachine<State> {
  start(index: BatchIndex): State;
  /** What comes next; null when every epoch is done. */
  next(state: State, index: BatchIndex): Segment | TestRequest | null;
  /** The state once `step` was carried out and gave `feedback`. */
  after(state: State, step: Segment | TestRequest, feedback: Feedback, index: BatchIndex): State;
}

export interface FollowOptions<State> {
  /** A state that `observe` was given earlier, for the same index; absent: the beginning. */
  readonly from?: State;
  /** Called with the new state after each step whose feedback has arrived. */
  readonly observe?: (state: State) => void;
}

/** Runs a machine: yields its steps, takes their feedback, reports each new state. */
export function* follow<State>(
  machine: OrderMachine<State>,
  index: BatchIndex,
  options: FollowOptions<State> = {},
): Generator<Segment | TestRequest, void, Feedback> {
  checkArguments("follow", {
    machine: [machine, is.having("an order machine", { start: is.call, next: is.call, after: is.call })],
    index: [index, is.having("a batch index")],
  });
  checkOptions<FollowOptions<State>>("follow", options, { from: is.any, observe: is.maybe(is.call) });
  let state = options.from ?? machine.start(index);
  for (let step = machine.next(state, index); step !== null; step = machine.next(state, index)) {
    // A consumer that only lists the order, such as a for-of loop, sends nothing back.
    const feedback: Feedback | undefined = yield step;
    state = machine.after(state, step, feedback ?? {}, index);
    options.observe?.(state);
  }
}
