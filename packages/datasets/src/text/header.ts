import type { Field } from "./field.js";

/**
 * Whether the fields of a first line are the names of columns: no field begins like a value of the label or of a key, or they
 * are the numbers of the columns. No line of a known log is like that: each has a digit in front of one field at least.
 */
export function isHeader(texts: readonly string[]): boolean {
  const counts = (from: number) => texts.every((text, i) => text === String(i + from));
  return texts.length > 1 && (texts.every((text) => /^"?[A-Za-z_]/.test(text)) || counts(0) || counts(1));
}

/** A column that the header names at another place than the format has it. */
export interface MovedColumn {
  readonly name: string;
  /** 1-based. */
  readonly found: number;
  readonly expected: number;
}

/** The first column whose name says that the columns come in another order; null when none does. */
export function movedColumn(texts: readonly string[], fields: readonly Field[]): MovedColumn | null {
  const names = texts.map((text) => text.replaceAll('"', "").toLowerCase());
  for (const [place, { name }] of fields.entries()) {
    const wanted = name.toLowerCase();
    // `user_id` and `timestamp` stand for `user` and `time`; `I1` and `I10` differ.
    const isNamed = (text: string) => text === wanted || (wanted.length > 3 && text.startsWith(wanted));
    const found = names.findIndex(isNamed);
    if (found >= 0 && !isNamed(names[place])) return { name: texts[found], found: found + 1, expected: place + 1 };
  }
  return null;
}
