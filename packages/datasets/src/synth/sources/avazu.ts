import { avazu as calibration } from "../calibration/avazu.js";
import type { ClickSource } from "./types.js";

/** First number of the columns that Avazu writes in decimal. */
const decimals: Readonly<Record<string, number>> = {
  C1: 1001,
  banner_pos: 0,
  device_type: 0,
  device_conn_type: 0,
  C14: 375,
  C15: 20,
  C16: 20,
  C17: 112,
  C18: 0,
  C19: 33,
  C20: 100000,
  C21: 1,
};

/** Avazu: 21 tables, the hour of day as the only dense feature, no blanks (C20 writes -1 for absent). */
export const avazu: ClickSource = {
  name: "avazu",
  calibration,
  paper: null,
  correlation: 0.55,
  blanks: [],
  dense: "hour",
  missingTogether: [],
  labelRate: 0.16981,
  auc: 0.76,
  days: 10,
  keys: (table) =>
    table in decimals ? { kind: "decimal", first: decimals[table], topIsMinusOne: table === "C20" } : { kind: "hex" },
};
