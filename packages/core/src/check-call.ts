import { ConfigError } from "./errors.js";
import { type Fault, is, type Kind, noSuchOption, type Shape } from "./kinds.js";

/**
 * Checks the options of a public call, which JavaScript lets anyone give anything.
 * @param call name of the function, for the message
 * @throws ConfigError for an option that is missing, not known, or of another kind: says which, its value and what is expected
 */
export function checkOptions<T>(call: string, given: unknown, shape: Shape<T>): void {
  refuse(call, is.options(shape)(given, ""));
}

/** The same for arguments by position. @param given by name: the value and its kind */
export function checkArguments(
  call: string,
  given: Readonly<Record<string, readonly [value: unknown, kind: Kind]>>,
): void {
  for (const [name, [value, kind]] of Object.entries(given)) refuse(call, kind(value, name));
}

function refuse(call: string, fault: Fault | undefined): void {
  if (fault === undefined) return;
  const option = fault.option.replace(/^\./, "");
  const { found, expected, hint = "" } = fault;
  const fix = hint || (option === "" ? "" : `Set ${option} to such a value.`);
  // Details are printed as JSON, which knows no big integers.
  const details = { call, option, found: typeof found === "bigint" ? shown(found) : found, expected };
  throw new ConfigError(sentence(call, { ...fault, option }), { fix, details });
}

function sentence(call: string, { option, found, expected }: Fault): string {
  if (option === "") return `${call} takes an object of options, found ${shown(found)}.`;
  if (expected === noSuchOption) return `${call}: unknown option '${option}'.`;
  return `${call}: ${option} is ${found === undefined ? "missing" : shown(found)}, expected ${expected}.`;
}

/** A value in a message: short, whatever it is. */
function shown(value: unknown): string {
  if (typeof value === "string") return `'${value.length > 60 ? `${value.slice(0, 60)}…` : value}'`;
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (ArrayBuffer.isView(value)) return `a ${Object.getPrototypeOf(value)?.constructor?.name ?? "typed array"}`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
