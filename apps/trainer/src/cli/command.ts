import { ConfigError } from "@fae/core";
import { type Command as Commander, Option as CommanderOption } from "commander";
import type { z } from "zod";
import { readConfigFile } from "./config-file.js";
import type { Io } from "./io.js";
import { type Progress, startProgress } from "./progress.js";
import { visible } from "./visible.js";

/** An option of a command: how it is typed, what it means, and what values it takes. */
export interface OptionSpec<Schema extends z.ZodType = z.ZodType> {
  /** e.g. `--batch <inputs>`; without `<...>` it is a switch. */
  readonly flags: string;
  readonly describes: string;
  readonly schema: Schema;
}
export type OptionSet = Readonly<Record<string, OptionSpec>>;
export type OptionValues<Set extends OptionSet> = { readonly [K in keyof Set]: z.output<Set[K]["schema"]> };

/** Declares an option; the key in an option set must be the long flag in camel case. */
export const option = <Schema extends z.ZodType>(
  flags: string,
  describes: string,
  schema: Schema,
): OptionSpec<Schema> => ({ flags, describes, schema });

/** What a command hands back: one object for `--json`, one text for people. */
export interface Outcome {
  readonly json: object;
  readonly text: string;
  /** Default 0. 1 when the work was done and its answer is "no", as in a failed verification. */
  readonly exitCode?: number;
}

/** What a running command may use besides its options. */
export interface CommandContext {
  readonly io: Io;
  /** Stdout must hold exactly one JSON object, which the outcome becomes. */
  readonly json: boolean;
  /** Keys of the options that the command line or the configuration file gave; the others have their defaults. */
  readonly given: ReadonlySet<string>;
  /** A line on stderr, never on stdout. */
  log(line: string): void;
  progress(label: string, unit: string): Progress;
}

export interface CommandSpec<Set extends OptionSet> {
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** e.g. `["<format>", "<input...>"]` */
  readonly operands: readonly string[];
  readonly options: Set;
  /** A whole command line that works, shown by `--help`. */
  readonly example: string;
  /** More help after the options. */
  readonly notes?: string;
  run(operands: readonly string[], options: OptionValues<Set>, context: CommandContext): Promise<Outcome>;
}

/** A command with its option types closed over, ready to be listed. */
export interface CommandEntry {
  readonly name: string;
  register(parent: Commander, execute: (run: Invocation) => Promise<void>): void;
}

/** A parsed command line. `run` validates the options and does the work. */
export interface Invocation {
  readonly json: boolean;
  readonly debug: boolean;
  run(io: Io): Promise<Outcome>;
}

const longName = (flags: string): string => /--([a-z0-9-]+)/.exec(flags)?.[1] ?? "";
const showDefault = (schema: z.ZodType): string => {
  const parsed = schema.safeParse(undefined);
  const value = parsed.success ? parsed.data : undefined;
  return value === undefined || value === false ? "" : ` (default: ${String(value)})`;
};

export function defineCommand<Set extends OptionSet>(spec: CommandSpec<Set>): CommandEntry {
  return {
    name: spec.name,
    register(parent, execute) {
      const command = parent.command(spec.name).description(spec.summary);
      for (const operand of spec.operands) command.argument(operand);
      for (const { flags, describes, schema } of Object.values(spec.options)) {
        command.addOption(new CommanderOption(flags, `${describes}${showDefault(schema)}`));
      }
      command
        .option("--config <file>", "read options from a YAML file; the command line wins")
        .option("--json", "print exactly one JSON object on stdout; logs go to stderr")
        .option("--debug", "show stack traces")
        .addHelpText("after", `\nExample:\n  ${spec.example}\n${spec.notes ? `\n${spec.notes}\n` : ""}`);
      command.action(async (...parts: unknown[]) => {
        const operands = parts.slice(0, spec.operands.length).flat() as string[];
        const given = command.opts<Record<string, unknown>>();
        await execute({
          json: given.json === true,
          debug: given.debug === true,
          run: async (io) => {
            const names = parent.commands.map((sibling) => sibling.name());
            const { values, keys } = resolveOptions(spec, given, names);
            return spec.run(operands, values, makeContext(io, given.json === true, keys));
          },
        });
      });
    },
  };
}

function makeContext(io: Io, json: boolean, given: ReadonlySet<string>): CommandContext {
  return {
    io,
    json,
    given,
    log: (line) => void io.stderr.write(`${visible(line)}\n`),
    progress: (label, unit) => startProgress(io, label, unit),
  };
}

/** Command line over configuration file over defaults, each value checked by its schema. */
function resolveOptions<Set extends OptionSet>(
  spec: CommandSpec<Set>,
  given: Readonly<Record<string, unknown>>,
  commands: readonly string[],
): { readonly values: OptionValues<Set>; readonly keys: ReadonlySet<string> } {
  const names = Object.values(spec.options).map(({ flags }) => longName(flags));
  const path = given.config as string | undefined;
  const file = path === undefined ? new Map() : readConfigFile(path, spec.name, names, commands);
  const values: Record<string, unknown> = {};
  const keys = new Set<string>();
  for (const [key, { flags, describes, schema }] of Object.entries(spec.options)) {
    const name = longName(flags);
    const entry = given[key] === undefined ? file.get(name) : undefined;
    const found = entry ? entry.value : given[key];
    if (found !== undefined) keys.add(key);
    const result = schema.safeParse(found);
    if (result.success) {
      values[key] = result.data;
      continue;
    }
    if (found === undefined) {
      throw new ConfigError(`Option --${name} is missing.`, {
        fix: `Give ${flags}: ${sentence(describes)}`,
        details: { option: name },
      });
    }
    const expected = result.error.issues[0].message;
    const where = entry ? `${path} line ${entry.line}: ${name}` : `Option --${name}`;
    // JSON has no infinite numbers: it would show `.inf` as null.
    const shown = typeof found === "number" ? String(found) : JSON.stringify(found);
    throw new ConfigError(`${where}: found ${shown}, expected ${sentence(expected)}`, {
      details: { option: name, found, expected, ...(entry ? { path, line: entry.line } : {}) },
    });
  }
  return { values: values as OptionValues<Set>, keys };
}

const sentence = (text: string): string => (/[.?]$/.test(text) ? text : `${text}.`);
