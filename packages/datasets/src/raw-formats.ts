import { avazu } from "./avazu.js";
import { criteoKaggle, criteoTerabyte } from "./criteo.js";
import type { RawFormat, RawFormatName } from "./raw-format.js";
import { taobao } from "./taobao.js";

/** Every raw log that `prepare` reads, by name. */
export const rawFormats: Readonly<Record<RawFormatName, RawFormat>> = {
  "criteo-kaggle": criteoKaggle,
  "criteo-terabyte": criteoTerabyte,
  avazu,
  taobao,
};
