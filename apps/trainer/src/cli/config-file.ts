import { readFileSync, statSync } from "node:fs";
import { ConfigError, expectFile, suggestion } from "@fae/core";
import { isAlias, isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";

/** One option of a configuration file: its value and the line it stands on. */
export interface ConfigEntry {
  readonly value: unknown;
  readonly line: number;
}

/**
 * Reads `--config file.yaml`: option names without dashes, e.g. `batch: 1024`. A key that is the name of a command holds
 * the options of that command, so that one file can serve several; plain keys are for whichever command reads the file.
 * @param known option names of this command, `commands` names of all commands
 * @returns options for this command by name
 * @throws ConfigError naming file, line and key
 */
export function readConfigFile(
  path: string,
  command: string,
  known: readonly string[],
  commands: readonly string[],
): Map<string, ConfigEntry> {
  const lines = new LineCounter();
  const document = parseDocument(readText(path), { lineCounter: lines });
  const [broken] = document.errors;
  if (broken) {
    const line = lines.linePos(broken.pos[0]).line;
    throw new ConfigError(`${path} line ${line} is not YAML: ${broken.message.split("\n")[0]}`, {
      details: { path, line },
    });
  }
  const read = (key: string, line: number, node: unknown): unknown => {
    try {
      const value: unknown = isNode(node) ? node.toJS(document) : null;
      JSON.stringify(value); // an anchor inside of what it names has no end
      return value;
    } catch (cause) {
      throw new ConfigError(`${path} line ${line}: ${key}: ${(cause as Error).message}.`, {
        fix: "Set the anchor before, or put the value into quotes.",
        details: { path, line, option: key },
        cause,
      });
    }
  };
  const entries = new Map<string, ConfigEntry>();
  if (document.contents === null) return entries;
  const collect = (node: unknown, inSection: boolean): void => {
    if (!isMap(node)) {
      throw new ConfigError(`${path} must hold 'option: value' lines.`, { details: { path } });
    }
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
      const line = isScalar(pair.key) && pair.key.range ? lines.linePos(pair.key.range[0]).line : 0;
      const section = isAlias(pair.value) ? pair.value.resolve(document) : pair.value;
      if (!inSection && commands.includes(key) && isMap(section)) {
        if (key === command) collect(section, true);
        continue;
      }
      if (!known.includes(key) && !inSection && commands.includes(key)) {
        const found = read(key, line, pair.value);
        const what = `${path} line ${line}: ${key}: found ${JSON.stringify(found)}`;
        throw new ConfigError(`${what}, expected the options of 'fae ${key}'.`, {
          fix: "Give them as indented 'option: value' lines below it.",
          details: { path, line, found, command: key },
        });
      }
      if (!known.includes(key)) {
        const fix = suggestion(key, inSection ? known : [...known, ...commands]);
        throw new ConfigError(`${path} line ${line}: '${key}' is not an option of 'fae ${command}'.`, {
          fix,
          details: { path, line, option: key },
        });
      }
      entries.set(key, { value: read(key, line, pair.value), line });
    }
  };
  collect(document.contents, false);
  return entries;
}

/** Every option of every command takes less; to look for keys that repeat takes long in large files. */
const mostBytes = 64 << 10;

function readText(path: string): string {
  expectFile(path);
  try {
    const { size } = statSync(path);
    if (size > mostBytes) {
      throw new ConfigError(`The configuration file ${path} has ${size} bytes, at most ${mostBytes} are read.`, {
        fix: "It holds a few options, one a line.",
        details: { path, found: size, expected: mostBytes },
      });
    }
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(`Cannot read the configuration file ${path}: ${(cause as Error).message}.`, {
      fix: "Check the path given with --config.",
      details: { path },
      cause,
    });
  }
}
