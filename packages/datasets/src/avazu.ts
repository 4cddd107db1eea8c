import type { RawFormat } from "./raw-format.js";
import type { Field } from "./text/field.js";

const hex = (...names: string[]) => names.map((name): Field => ({ name, kind: "hex" }));
const integer = (...names: string[]) => names.map((name): Field => ({ name, kind: "integer" }));

const tableFields: Field[] = [
  ...integer("C1", "banner_pos"),
  ...hex("site_id", "site_domain", "site_category", "app_id", "app_domain", "app_category"),
  ...hex("device_id", "device_ip", "device_model"),
  ...integer("device_type", "device_conn_type", "C14", "C15", "C16", "C17", "C18", "C19", "C20", "C21"),
];

const fields: Field[] = [
  { name: "id", kind: "skipped" },
  { name: "click", kind: "label" },
  { name: "hour", kind: "hour" },
  ...tableFields,
];

/**
 * Avazu click-through rate prediction: hour of day is the one dense feature, all columns but id, click and hour are tables.
 * -1 is a key of its own.
 */
export const avazu: RawFormat = {
  name: "avazu",
  title: "Avazu click-through rate prediction (train.csv)",
  line: { delimiter: ",", fields },
  header: fields.map(({ name }) => name).join(","),
  fileNames: ["train.csv"],
  tables: tableFields.map(({ name, kind }) => ({ name, keys: kind === "hex" ? "hex" : "decimal" })),
  keysAt: 2,
  denseFeatures: 1,
  split: "share",
};
