/** Random calls on sessions, in random orders, with good and hostile arguments. */
import { FaeError, type Job, type Random, type RouteName, type Session } from "@fae/core";
import { type ExactnessProblem, randomProblem, tensorNames, type Variant, variantsOf } from "@fae/core/conformance";
import { hostileValue, pick } from "./hostile.js";

export interface Setting {
  readonly problem: ExactnessProblem;
  readonly variant: Variant;
  readonly job: Job;
}

/** A random problem in one of the ways to run it. `engine` cuda has no host route. */
export function setting(random: Random, hasHost: boolean): Setting {
  const problem = randomProblem(random.below(100_000));
  const variants = variantsOf(problem).filter((each) => hasHost || !each.plan.routes.includes("host"));
  const variant = pick(random, variants);
  return { problem, variant, job: { ...problem.job, plan: variant.plan } };
}

export type Open = (job: Job) => Promise<Session>;

/** What is left of an error that is no FaeError: a bug. */
export const bareError = (error: unknown): string | null =>
  error instanceof FaeError ? null : error instanceof Error ? (error.stack ?? error.message) : String(error);

async function attempt(call: () => Promise<unknown>): Promise<string | null> {
  try {
    await call();
    return null;
  } catch (error) {
    return bareError(error);
  }
}

/** One call, of which the arguments are hostile one time in three. */
function randomCall(random: Random, session: Session, { problem, variant }: Setting): () => Promise<unknown> {
  const isHostile = random.below(3) === 0;
  const or = <T>(good: T): T => (isHostile && random.below(2) === 0 ? (hostileValue(random) as T) : good);
  const steps = problem.orders[variant.order];
  const names = tensorNames(problem);
  const name = pick(random, names);
  switch (random.below(7)) {
    case 0:
    case 1: {
      const step = pick(random, steps);
      if (step.kind === "evaluate") return () => session.evaluate(or(step.source));
      const segment = { ...step.segment, route: or<RouteName>(variant.routeOf(step.isHot)) };
      const broken = { ...segment, epoch: or(segment.epoch), source: or(segment.source), batches: or(segment.batches) };
      const rates = or(step.learningRates.map((rate) => (random.below(20) === 0 ? or(rate) : rate)));
      return () => session.run(or(broken), rates);
    }
    case 2:
      return () => session.read(or(name), random.below(2) === 0 ? or(undefined) : or(Uint32Array.of(0)));
    case 3: {
      const rows = Uint32Array.from({ length: random.below(4) }, () => random.below(3));
      return () => session.read(or(pick(random, problem.job.program.tables).name), or(rows));
    }
    case 4:
      return async () => {
        const values = await session.read(name);
        await session.write(or(name), or(values));
      };
    case 5:
      return () => session.write(or(name), or(new Float32Array(random.below(9)).fill(0.5)), or(Uint32Array.of(0, 0)));
    default:
      return random.below(6) === 0 ? () => Promise.resolve(session[Symbol.asyncDispose]()) : () => session.memory();
  }
}

/** One to three sessions, some calls on them, some of them awaited, then the end of all. The bugs that were met. */
export async function randomOrder(random: Random, open: Open, hasHost: boolean, calls = 20): Promise<string[]> {
  const bugs: (string | null)[] = [];
  const settings = Array.from({ length: 1 + random.below(3) }, () => setting(random, hasHost));
  const opened = await Promise.allSettled(settings.map(({ job }) => open(job)));
  const sessions = opened.flatMap((result, i) => {
    if (result.status === "rejected") bugs.push(bareError(result.reason));
    return result.status === "fulfilled" ? [[result.value, settings[i]] as const] : [];
  });
  const pending: Promise<void>[] = [];
  for (let n = 0; n < calls && sessions.length > 0; n++) {
    const [session, how] = pick(random, sessions);
    const done = attempt(randomCall(random, session, how)).then((bug) => void bugs.push(bug));
    pending.push(done);
    if (random.below(3) === 0) await done;
  }
  // Some are closed while calls are on their way, some later, some never: those end when they are collected.
  for (const [session] of sessions)
    if (random.below(3) > 0)
      pending.push(attempt(() => Promise.resolve(session[Symbol.asyncDispose]())).then((bug) => void bugs.push(bug)));
  await Promise.all(pending);
  return bugs.filter((bug) => bug !== null);
}
