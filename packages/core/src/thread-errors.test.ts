import { expect, test } from "vitest";
import { ConfigError, DataError } from "./errors.js";
import { errorFromMessage, errorToMessage } from "./thread-errors.js";

const crossed = (error: unknown): Error => errorFromMessage(structuredClone(errorToMessage(error)));

test("a data error keeps class, code, message, fix and details", () => {
  const error = new DataError("'a.rows' is cut.", {
    fix: "Copy it again.",
    details: { path: "a.rows", byteOffset: 7 },
  });
  const after = crossed(error) as DataError;
  expect(after).toBeInstanceOf(DataError);
  expect([after.code, after.message, after.fix, after.details]).toEqual([
    "ERR_DATA",
    "'a.rows' is cut. Copy it again.",
    "Copy it again.",
    { path: "a.rows", byteOffset: 7 },
  ]);
});

test("every other code is kept too", () => {
  expect(crossed(new ConfigError("Wrong."))).toMatchObject({ code: "ERR_CONFIG", message: "Wrong.", fix: undefined });
});

test("system errors keep code, path and stack", () => {
  const error = Object.assign(new Error("no space left"), { code: "ENOSPC", path: "/x" });
  expect(crossed(error)).toMatchObject({ message: "no space left", code: "ENOSPC", path: "/x", stack: error.stack });
});

test("what is no error is told as one", () => {
  expect(crossed("broken")).toMatchObject({ message: "broken" });
});
