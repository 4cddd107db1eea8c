import { createReadStream } from "node:fs";

/** No event is nearly as long. */
const mostCharacters = 1 << 20;

/** Lines of a text file; one that is longer than any event is read past and comes as null. Memory: one line. */
export async function* linesOf(path: string): AsyncGenerator<string | null> {
  let line = "";
  let isTooLong = false;
  const add = (text: string): void => {
    isTooLong ||= line.length + text.length > mostCharacters;
    line = isTooLong ? "" : line + text;
  };
  for await (const chunk of createReadStream(path, { encoding: "utf8" })) {
    const parts = (chunk as string).split("\n");
    for (const [i, part] of parts.entries()) {
      add(part);
      if (i === parts.length - 1) break;
      yield isTooLong ? null : line;
      line = "";
      isTooLong = false;
    }
  }
  if (line !== "" || isTooLong) yield isTooLong ? null : line;
}
