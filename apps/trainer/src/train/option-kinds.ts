import { is, type Kind, optimizers, planRanges } from "@fae/core";
import { shuffleRate, strategies } from "@fae/scheduler";

const { maybe, orNull, oneOf, whole, number, flag, text, call } = is;
const some = (kind: Kind): Kind => maybe(orNull(kind));
const range = (bounds: readonly [number, number]): Kind => maybe(whole(...bounds));
const namesOf = (of: object): Kind => maybe(oneOf(Object.keys(of)));

/** What each option of a training run may be. Which go together is checked by `trainOptions`, sizes of models by the model. */
export const trainKinds = {
  data: text,
  model: text,
  modelOptions: maybe(is.having("an object of sizes")),
  engine: maybe(text),
  strategy: namesOf(strategies),
  batch: maybe(whole(1)),
  learningRate: maybe(number("0 or more", (rate) => rate >= 0)),
  warmupSteps: maybe(whole()),
  decayStart: maybe(whole()),
  decaySteps: maybe(whole()),
  plateauPatience: some(whole()),
  plateauFactor: maybe(number("a number above 0, up to 1", (factor) => factor > 0 && factor <= 1)),
  stopPatience: some(whole(1)),
  optimizer: namesOf(optimizers),
  epochs: maybe(whole(1)),
  seed: maybe(whole(0, 0xffffffff)),
  shuffle: maybe(oneOf(["none", "total"])),
  budgetBytes: some(whole()),
  profile: some(text),
  shuffleRate: range([shuffleRate.least, shuffleRate.most]),
  shuffleFirst: maybe(oneOf(["smaller", "cold", "hot"])),
  lookAhead: range(planRanges.lookAhead),
  servers: range(planRanges.servers),
  staleness: range(planRanges.staleness),
  threads: range([0, 1024]),
  matmul: some(oneOf(["float32", "tf32", "bf16"])),
  rowType: maybe(oneOf(["float32", "bf16"])),
  deterministic: maybe(flag),
  init: some(text),
  initWithState: maybe(flag),
  run: some(text),
  checkpointEvery: maybe(whole()),
  fullEvery: maybe(whole(1)),
  keepCheckpoints: maybe(whole(1)),
  tensorboard: maybe(flag),
  testEvery: maybe(whole()),
  testInputs: maybe(whole(1)),
  maxBatches: some(whole(1)),
  segmentBatches: maybe(whole(1)),
  keep: maybe(oneOf(["best", "last"])),
  mapped: some(text),
};

export const hookKinds = {
  signal: maybe(is.signal),
  log: maybe(call),
  onProgress: maybe(call),
  onStart: maybe(call),
  onEvent: maybe(call),
  onCheckpoint: maybe(call),
  roomSeconds: maybe(number("0 or more seconds", (seconds) => seconds >= 0)),
};
