import type { Headline, Result, Spread } from "../result.js";
import { brief } from "./numbers.js";
import { meanSpread } from "./series.js";

/** The headlines of one scenario. */
export interface HeadlineGroup {
  readonly scenario: string;
  readonly title: string;
  readonly headlines: readonly Headline[];
}

/** What the report puts first: the paper's numbers beside those of one folder of results. */
export interface HeadlineTable {
  readonly groups: readonly HeadlineGroup[];
  readonly notes: readonly string[];
}

type Source = Pick<Result, "scenario" | "title" | "headlines" | "options" | "machine">;

/** null when no result has headlines. */
export function headlineTable(results: readonly Source[]): HeadlineTable | null {
  const having = results.filter(({ headlines }) => headlines.length > 0);
  if (having.length === 0) return null;
  const small = having.filter(({ options }) => options["size"] !== undefined && options["size"] !== "full");
  const notes = [
    ...(small.length > 0
      ? [
          `Sizes of \`--quick\`${small.length < having.length ? `: ${small.map(({ title }) => title).join("; ")}` : ""}. Bytes are exact; times and accuracies of so short runs say little.`,
        ]
      : []),
    ...(having.some(({ machine }) => machine.gpus.length === 0)
      ? ["Without a GPU the device is simulated in host memory: speed-ups are those of the routes' work."]
      : []),
  ];
  return {
    groups: having.map(({ scenario, title, headlines }) => ({ scenario, title, headlines })),
    notes,
  };
}

/** A headline as text: a unit of one sign stands behind the numbers, another behind what they are of. */
export interface HeadlineText {
  readonly what: string;
  /** "" where it stands behind the numbers. */
  readonly unit: string;
  readonly paper: string;
  readonly ours: string;
  /** In brackets; "" where every repeat gave the same. */
  readonly range: string;
  readonly detail: string;
}

export function headlineText({ what, unit, paper, ours, detail }: Headline): HeadlineText {
  const isSign = unit.length === 1;
  const value = (number: number) => (isSign ? `${brief(number)}\u00a0${unit}` : brief(number));
  return {
    what,
    unit: isSign ? "" : unit,
    paper: paper === null ? "–" : value(paper),
    ours: ours === null ? "–" : value(ours.median),
    range: ours === null || ours.min === ours.max ? "" : `(${brief(ours.min)} – ${brief(ours.max)})`,
    detail,
  };
}

/**
 * A headline that is a mean over workloads, each of them named in its detail. None when there is nothing to say: neither a
 * published value nor one of ours.
 */
export function meanHeadline(
  about: Pick<Headline, "what" | "unit" | "paper">,
  workloads: readonly { readonly name: string; readonly found: Spread | null }[],
  mean: (values: readonly (number | null)[]) => number | null,
): Headline[] {
  const ours = meanSpread(
    workloads.map(({ found }) => found),
    mean,
  );
  if (ours === null) return about.paper === null ? [] : [{ ...about, ours, detail: notMeasured }];
  const each = workloads.flatMap(({ name, found }) => (found === null ? [] : [`${name}\u00a0${brief(found.median)}`]));
  return [{ ...about, ours, detail: each.join(", ") }];
}

export const notMeasured = "not measured here: see the notes below";
