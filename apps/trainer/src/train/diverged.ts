import { DivergedError, type Program, type Session } from "@fae/core";

const valuesPerRead = 1 << 20;

/** The table with the longest row (Euclidean norm; NaN counts as infinite), reading every row in pieces. */
export async function largestRow(
  session: Session,
  program: Pick<Program, "tables" | "width">,
): Promise<{ table: string; row: number; norm: number }> {
  let largest = { table: "", row: 0, norm: -1 };
  const rowsPerRead = Math.max(1, Math.floor(valuesPerRead / program.width));
  for (const { name, rows } of program.tables) {
    for (let first = 0; first < rows; first += rowsPerRead) {
      const ids = Uint32Array.from({ length: Math.min(rowsPerRead, rows - first) }, (_, i) => first + i);
      const values = await session.read(name, ids);
      for (let i = 0; i < ids.length; i++) {
        let squares = 0;
        for (let column = 0; column < program.width; column++) squares += values[i * program.width + column] ** 2;
        const norm = Number.isNaN(squares) ? Number.POSITIVE_INFINITY : Math.sqrt(squares);
        if (norm > largest.norm) largest = { table: name, row: first + i, norm };
      }
    }
  }
  return largest;
}

/** The same error with the table that went furthest and what to do about it. */
export async function explainDivergence(
  error: DivergedError,
  session: Session,
  program: Pick<Program, "tables" | "width">,
  rate: number,
): Promise<DivergedError> {
  // A session that the divergence poisoned cannot be read: the first cause is then all there is to say.
  const found = await largestRow(session, program).catch(() => undefined);
  const where = found ? ` The largest row is row ${found.row} of table ${found.table}, norm ${found.norm}.` : "";
  return new DivergedError(`${error.message}${where}`, {
    fix: `Train with a learning rate below ${rate}, or with warm-up.`,
    details: { ...error.details, ...(found ?? {}) },
    cause: error,
  });
}
