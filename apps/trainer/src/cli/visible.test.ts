import { expect, test } from "vitest";
import { visible } from "./visible.js";

test("what a terminal would obey is written out, the rest stays", () => {
  expect(visible("a\tb\nc ü 漢 █")).toBe("a\tb\nc ü 漢 █");
  expect(visible("\x1b]0;title\x07\r\x7f\x9b2J\u202e")).toBe("\\x1b]0;title\\x07\\x0d\\x7f\\x9b2J\\u202e");
});
