import { existsSync, readdirSync } from "node:fs";
import { join, resolve, sep } from "node:path";

/** So that `part-2` comes before `part-10`; the same on every machine. */
const inOrder = new Intl.Collator("en-u-kn", { numeric: true });

export const isGlob = (path: string): boolean => /[*?]/.test(path);

/** Files that a pattern names, in natural order: `*` and `?` inside a name, `**` for any directories. */
export function filesOf(pattern: string, directory: string): string[] {
  const path = resolve(directory, pattern);
  if (!isGlob(pattern) || existsSync(path)) return [path];
  const [root, ...parts] = path.split(sep);
  const found = new Set<string>();
  walk(root === "" ? sep : root, parts, found);
  return [...found].sort((a, b) => inOrder.compare(a, b) || (a < b ? -1 : 1));
}

function walk(directory: string, [part, ...rest]: readonly string[], found: Set<string>): void {
  if (part === "**") {
    walk(directory, rest, found);
    for (const entry of entriesOf(directory)) {
      if (entry.isDirectory() && !entry.name.startsWith(".")) walk(join(directory, entry.name), ["**", ...rest], found);
    }
    return;
  }
  if (!isGlob(part)) {
    const path = join(directory, part);
    if (rest.length > 0) walk(path, rest, found);
    else if (existsSync(path)) found.add(path);
    return;
  }
  const source = part
    .replace(/[\\^$.|+()[\]{}]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const matches = new RegExp(`^${source}$`, "s");
  for (const entry of entriesOf(directory)) {
    if (!matches.test(entry.name) || (entry.name.startsWith(".") && !part.startsWith("."))) continue;
    const path = join(directory, entry.name);
    if (rest.length > 0) walk(path, rest, found);
    else if (!entry.isDirectory()) found.add(path);
  }
}

function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return []; // not a directory, or not readable: nothing in it matches
  }
}
