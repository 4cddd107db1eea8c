import type { Job, Session } from "@fae/core";
import { type TensorSource, writeSafetensors } from "@fae/embedding-store";
import { referenceShape } from "@fae/models";

const valuesPerRead = 1 << 22;

/**
 * Writes the weights that a session holds as safetensors with the reference implementations' names and shapes. Tables are
 * read and written in pieces.
 */
export async function writeWeights(path: string, session: Session, { program }: Pick<Job, "program">): Promise<void> {
  const params = await Promise.all(
    program.params.map(
      async (param): Promise<TensorSource> => ({
        name: param.name,
        dtype: "F32",
        shape: referenceShape(param),
        data: await session.read(param.name),
      }),
    ),
  );
  const tables = program.tables.map(
    ({ name, rows }): TensorSource => ({
      name,
      dtype: "F32",
      shape: [rows, program.width],
      data: () => piecesOf(session, name, rows, program.width),
    }),
  );
  await writeSafetensors(path, [...params, ...tables]);
}

async function* piecesOf(session: Session, name: string, rows: number, width: number): AsyncGenerator<Float32Array> {
  const step = Math.max(1, Math.floor(valuesPerRead / width));
  for (let from = 0; from < rows; from += step) {
    yield session.read(
      name,
      Uint32Array.from({ length: Math.min(step, rows - from) }, (_, i) => from + i),
    );
  }
}
