import { type RankLaw, shareOf } from "./rank-law.js";

/**
 * A law on fewer rows with the same shape. Rank r of the small table stands for all ranks of the large one up to
 * g(r) = r (1 + (r / rows)^0.6 (large / rows - 1)): about r in the head, proportional in the tail; so head rows keep about their
 * shares, and a given fraction of the rows keeps about its share. Shares are plain powers (no whole counts).
 */
export function scaledLaw(law: RankLaw, rows: number): RankLaw {
  if (rows >= law.rows) return law;
  const plain = shareOf({ ...law, draws: 0 });
  const growth = law.rows / rows - 1;
  const anchors: number[] = [];
  for (let rank = 1; ; rank = Math.min(rows, Math.max(rank + 1, Math.round(rank * 1.25)))) {
    const bend = (rank / rows) ** 0.6 * growth;
    let share = plain(rank * (1 + bend) - 1);
    // Whole counts are half an access less on average than the power that they are cut from.
    if (law.draws > 0 && share * law.draws < 64) share = Math.max(share * law.draws - 0.5, 0.5) / law.draws;
    anchors.push(rank, share * (1 + 1.6 * bend));
    if (rank === rows) break;
  }
  return { rows, anchors, draws: 0 };
}
