import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { ConfigError, DataError } from "@fae/core";

const name = "@duckdb/node-api";

/** A private DuckDB in memory. Close it. */
export interface Database extends Disposable {
  readonly connection: DuckDBConnection;
}

/**
 * Opens DuckDB, an optional peer of this package.
 * @param what needs it, for the message @throws ConfigError when it is not installed
 */
export async function openDatabase(what: string): Promise<Database> {
  let api: typeof import("@duckdb/node-api");
  try {
    // By a variable, so that a bundler leaves it where it is installed: it is native, and optional.
    api = (await import(/* @vite-ignore */ name)) as typeof api;
  } catch (cause) {
    throw new ConfigError(`${what} is read by DuckDB, and ${name} is not installed.`, {
      fix: `npm install ${name}`,
      details: { package: name },
      cause,
    });
  }
  // What is read at once stays small: a few row groups a thread.
  const instance: DuckDBInstance = await api.DuckDBInstance.create(":memory:", {
    threads: "2",
    autoinstall_known_extensions: "false",
  });
  const connection = await instance.connect();
  return {
    connection,
    [Symbol.dispose]() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** What DuckDB said of a file, in one line. */
export function unreadable(path: string, kind: string, cause: unknown): DataError {
  const said = (cause instanceof Error ? cause.message : String(cause)).split("\n")[0].replace(/\.$/, "");
  return new DataError(`'${path}' is not a readable ${kind} (${said}).`, {
    fix: "It was cut short or is of another kind: copy or write it again.",
    details: { path },
    cause,
  });
}
