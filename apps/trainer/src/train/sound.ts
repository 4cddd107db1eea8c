import { DivergedError, type Session } from "@fae/core";

/** A weight beyond this says nothing any more: with rows of such values a logit has no digits left for anything else. */
export const explodedWeight = 1e4;

/**
 * Reads of a session for what is to be saved: a model that is damaged ends the run before anything of it is on the disk, and
 * what was saved earlier stays.
 * @throws DivergedError naming the tensor, the row and the value: one that is not finite, or a weight beyond `explodedWeight`
 */
export const soundReads = (session: Pick<Session, "read">): Pick<Session, "read"> => ({
  async read(name, rows) {
    const values = await session.read(name, rows);
    if (!name.startsWith("#")) expectSound(name, values, rows);
    return values;
  },
});

function expectSound(name: string, values: Float32Array, rows?: Uint32Array): void {
  const [tensor, slot] = name.split("#");
  // Optimizer state may be large: a sum of squares over a long training.
  const most = slot === undefined ? explodedWeight : Number.MAX_VALUE;
  let at = 0;
  while (at < values.length && Math.abs(values[at]) <= most) at++;
  if (at === values.length) return;
  const value = values[at];
  const row = rows?.[Math.floor(at / (values.length / rows.length))];
  const what = `${slot === undefined ? "" : `Optimizer state '${slot}' of `}'${tensor}'`;
  const limit = Number.isFinite(value) ? `, beyond ${explodedWeight}` : "";
  throw new DivergedError(`${what}${row === undefined ? "" : `, row ${row},`} is ${value}${limit}: it has exploded.`, {
    details: { table: tensor, value: String(value), ...(row !== undefined && { row }) },
  });
}
