import { ConfigError, suggestion } from "@fae/core";
import { type RawFormatName, rawFormats } from "@fae/datasets";

const names = Object.keys(rawFormats) as RawFormatName[];

/** One line for `--help`. */
export const rawFormatNotes = `Formats: ${names.map((name) => `${name}, ${rawFormats[name].title}`).join("; ")}.`;

/** The raw format of that name. @throws ConfigError */
export function rawFormatName(name: string): RawFormatName {
  const found = names.find((format) => format === name);
  if (found !== undefined) return found;
  throw new ConfigError(`There is no raw format '${name}'.`, {
    fix: `${suggestion(name, names)} For a log of your own: fae schema my.csv > clicks.yaml, then fae prepare clicks.yaml.`,
    details: { option: "format", found: name, expected: names },
  });
}
