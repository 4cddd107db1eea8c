import { kaggle } from "../calibration/kaggle.js";
import { kagglePaper } from "../calibration/paper.js";
import { type ClickSource, denseColumn } from "./types.js";

/** Criteo Kaggle. Missing and blank shares from 2.29 million inputs, dense moments from 8,000. */
export const criteoKaggle: ClickSource = {
  name: "criteo-kaggle",
  calibration: kaggle,
  paper: kagglePaper,
  correlation: 0.55,
  blanks: [
    { columns: [3, 4, 12, 16, 21, 24], share: 0.0339 },
    { columns: [19, 20, 25, 26], share: 0.4405 },
    { columns: [6], share: 0.121 },
    { columns: [22], share: 0.7625 },
  ],
  dense: [
    denseColumn(0.454, 0.48, 0.79, 0.97),
    denseColumn(0, 0.18, 2.11, 2.13, 0.1, -2),
    denseColumn(0.215, 0.01, 2.24, 1.28),
    denseColumn(0.217, 0.07, 1.73, 0.96),
    denseColumn(0.026, 0.02, 7.28, 2.87),
    denseColumn(0.224, 0.06, 3.6, 1.8),
    denseColumn(0.043, 0.25, 1.53, 1.35),
    denseColumn(0.0005, 0.12, 2.05, 1.18),
    denseColumn(0.043, 0.03, 3.62, 1.69),
    denseColumn(0.454, 0.51, 0.37, 0.39),
    denseColumn(0.043, 0.27, 0.85, 0.74),
    denseColumn(0.765, 0.74, 0.29, 0.6),
    denseColumn(0.217, 0.06, 1.89, 1.06),
  ],
  missingTogether: [
    [1, 10],
    [4, 13],
    [7, 9, 11],
  ],
  labelRate: 0.2564,
  auc: 0.8,
  days: 7,
  keys: () => ({ kind: "hex" }),
};
