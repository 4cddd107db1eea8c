/** Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(last[j] + 1, row[j - 1] + 1, replaced);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) best = Math.min(best, beforeLast[j - 2] + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length];
}

/** First letters of the parts of a name: `lr` of `learningRate`. */
const initials = (name: string): string =>
  name
    .split(/[^a-zA-Z0-9]+|(?=[A-Z])/)
    .map((part) => part.slice(0, 1).toLowerCase())
    .join("");

/** The known word closest to `word`, or whose initials it is; undefined when none is close enough to be a slip of the finger. */
function nearest(word: string, known: readonly string[]): string | undefined {
  const short = word.length > 1 ? known.find((candidate) => initials(candidate) === word.toLowerCase()) : undefined;
  if (short !== undefined) return short;
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `Did you mean 'batch'?`, or the list of what is known. */
export function suggestion(word: string, known: readonly string[]): string {
  const closest = nearest(word, known);
  return closest === undefined ? `Known: ${known.join(", ")}.` : `Did you mean '${closest}'?`;
}
