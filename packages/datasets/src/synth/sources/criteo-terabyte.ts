import { terabytePaper } from "../calibration/paper.js";
import { terabyte } from "../calibration/terabyte.js";
import { type ClickSource, denseColumn } from "./types.js";

/** Criteo Terabyte before negatives are dropped. Dense moments and blank shares from 10,000 inputs. */
export const criteoTerabyte: ClickSource = {
  name: "criteo-terabyte",
  calibration: terabyte,
  paper: terabytePaper,
  correlation: 0.55,
  blanks: [
    { columns: [1, 10, 11, 20, 21, 22], share: 0.0258 },
    { columns: [14, 16, 17, 23], share: 0.4667 },
  ],
  dense: [
    denseColumn(0.24, 0, 2.22, 1.24),
    denseColumn(0.1, 0, 5.13, 1.58),
    denseColumn(0.25, 0.1, 1.55, 0.94),
    denseColumn(0.49, 0.04, 3.58, 1.73),
    denseColumn(0.47, 0, 2.08, 1.23),
    denseColumn(0.09, 0.81, 0.27, 0.67),
    denseColumn(0.03, 0.96, 0.04, 0.22),
    denseColumn(0, 0.16, 2.36, 2.12, 0.06, -1),
    denseColumn(0, 0.21, 1.7, 1.19),
    denseColumn(0.09, 0.83, 0.13, 0.3),
    denseColumn(0.47, 0, 1.26, 0.71),
    denseColumn(0.02, 0.01, 7.68, 2.71),
    denseColumn(0.25, 0.04, 1.78, 0.96),
  ],
  missingTogether: [],
  labelRate: 0.0325,
  auc: 0.8,
  days: 24,
  keys: () => ({ kind: "hex" }),
};
