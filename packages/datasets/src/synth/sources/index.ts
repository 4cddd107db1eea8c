import { avazu } from "./avazu.js";
import { criteoKaggle } from "./criteo-kaggle.js";
import { criteoTerabyte } from "./criteo-terabyte.js";
import type { ClickLogName, ClickSource } from "./types.js";

/** Logs of single clicks that can be made. */
export const clickSources: Readonly<Record<ClickLogName, ClickSource>> = {
  "criteo-kaggle": criteoKaggle,
  "criteo-terabyte": criteoTerabyte,
  avazu,
};
