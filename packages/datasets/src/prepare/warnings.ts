import { DataError } from "@fae/core";
import type { Manifest } from "../manifest.js";

/** Something about a log that a user should know, though the data set was made. */
export type Warning = NonNullable<Manifest["warnings"]>[number];

/** What changes which inputs are held out, and how to mend it. */
export interface Concern {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** An error, or a warning where the caller has said that the files are meant as they are. @throws DataError */
export function concern({ code, message, fix, details }: Concern, asGiven: boolean): Warning {
  if (asGiven) return { code, message };
  throw new DataError(message, {
    fix: `Where it is meant so, --as-given (asGiven) takes it as it is. ${fix}`,
    details,
  });
}
