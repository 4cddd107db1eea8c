export type { Manifest } from "./manifest.js";
export { manifestDigest, manifestSchema, manifestVersion, writeManifest } from "./manifest.js";
export { openPrepared, readManifest } from "./open-prepared.js";
export type { PrepareOptions, PrepareProgress, PrepareStage, SeriesOptions } from "./prepare/options.js";
export type { RawFormat, RawFormatName } from "./raw-format.js";
export { rawFormats } from "./raw-formats.js";
export type { SourceOptions } from "./source-of.js";
export { toBatchSource } from "./source-of.js";
export type { Field, FieldKind, LineFormat } from "./text/field.js";
