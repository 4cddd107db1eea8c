import type { BatchIndex, Feedback, Plan, Segment, Strategy, TestRequest } from "@fae/core";
import { PlanError } from "@fae/core";
import { type FollowOptions, follow, type OrderMachine } from "./order.js";
import type { OrderState } from "./order-state.js";

/** A core `Strategy` whose order can also start from a state and report its states. */
export interface ResumableStrategy extends Strategy {
  /** As `order`, from `options.from`. @throws PlanError when that state is of another strategy, data set or batch size. */
  resume(
    index: BatchIndex,
    plan: Plan,
    seed: number,
    options?: FollowOptions<OrderState>,
  ): Generator<Segment | TestRequest, void, Feedback>;
}

/** A strategy from its parts. Its order is a function of index and feedback: the seed acts in the sources, which permute inputs. */
export function defineStrategy<State extends OrderState>(
  parts: Pick<Strategy, "name" | "describes" | "reads" | "plan"> & {
    readonly machine: OrderMachine<State>;
    readonly kind: State["kind"];
  },
): ResumableStrategy {
  const { machine, kind, ...strategy } = parts;
  const isOurs = (state: OrderState): state is State => state.kind === kind;
  return {
    ...strategy,
    order: (index) => follow(machine, index),
    resume(index, _plan, _seed, options = {}) {
      const { from, observe } = options;
      if (from !== undefined && !isOurs(from))
        throw new PlanError(`Strategy ${strategy.name} cannot resume an order of kind "${from.kind}".`, {
          fix: "Resume with the strategy that the checkpoint was made with.",
          details: { strategy: strategy.name, found: from.kind, expected: kind },
        });
      return follow(machine, index, {
        ...(from === undefined ? {} : { from }),
        ...(observe === undefined ? {} : { observe }),
      });
    },
  };
}
