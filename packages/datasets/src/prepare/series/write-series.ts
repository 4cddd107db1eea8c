import { readFileSync } from "node:fs";
import { drawsFor, purposes } from "../draws.js";
import { bytesOf, withFile, writeAt } from "../files.js";
import { readWords } from "../part-rows.js";
import { destinationOf, type RowOrder } from "../row-order.js";
import { openScatter } from "../shuffle.js";
import { readHistories } from "./histories.js";
import { fillLine, newLine } from "./line.js";
import { roles } from "./roles.js";
import { firstItem, type NegativePairs, seriesOf, seriesWords, writeDrawnSeries, writeTestSeries } from "./series.js";

/** Where the series of one bucket go in a shuffled split: `rows` of them from row `first` of `total`. */
export interface ShuffledTarget {
  readonly first: number;
  readonly rows: number;
  readonly total: number;
  readonly blockRows: number;
  readonly order: RowOrder;
  readonly path: string;
}

export interface WriteSeriesOptions {
  readonly historiesPath: string;
  readonly bucket: number;
  readonly users: number;
  readonly bucketUsers: number;
  readonly items: number;
  readonly pairs: number;
  readonly itemCategoryPath: string;
  readonly rolesPath: string;
  readonly pairsPath: string;
  readonly seed: number;
  readonly perUser: number;
  readonly train: ShuffledTarget;
  readonly val: ShuffledTarget;
  /** Test series keep their order: `rows` of them from row `first` of the file. */
  readonly test: { readonly first: number; readonly rows: number; readonly path: string };
}

/** Writes all series of the users of one bucket. @returns positive series of train, val, test. */
export function writeBucketSeries(options: WriteSeriesOptions): number[] {
  const { bucket, users, bucketUsers, seed, perUser, train, val, test } = options;
  const histories = readHistories(options.historiesPath, bucket, users, bucketUsers);
  const itemCategory = readWords(options.itemCategoryPath, 0, options.items);
  const bits = readFileSync(options.rolesPath);
  const targets = drawsFor(seed, purposes.target);
  const trainDraws = drawsFor(seed, purposes.trainSeries);
  const valDraws = drawsFor(seed, purposes.valSeries);
  const pairs = readWords(options.pairsPath, 0, options.pairs * 2);
  const negatives: NegativePairs = { pairs, draws: drawsFor(seed, purposes.negative) };
  const line = newLine();
  const trainWords = new Int32Array(train.rows * seriesWords);
  const valWords = new Int32Array(val.rows * seriesWords);
  const testWords = new Int32Array(test.rows * seriesWords);
  let trained = 0;
  let validated = 0;
  let tested = 0;
  let testPositives = 0;
  for (let index = 0; index < histories.users; index++) {
    const user = histories.firstUser + index;
    const role = bits[user];
    if ((role & (roles.train | roles.val | roles.test)) === 0) continue;
    fillLine(line, histories, index, targets, itemCategory);
    const count = seriesOf(firstItem(line), perUser);
    if (role & roles.train) trained += writeDrawnSeries(trainWords, trained, count, user, line, trainDraws, negatives);
    if (role & roles.val) {
      validated += writeDrawnSeries(valWords, validated, Math.min(1, count), user, line, valDraws, negatives);
    }
    if (role & roles.test) {
      writeTestSeries(testWords, tested, user, line);
      tested += seriesWords;
      testPositives += line.label;
    }
  }
  scatterSeries(trainWords, train);
  scatterSeries(valWords, val);
  withFile(test.path, "r+", (file) => writeAt(file, test.path, test.first * seriesWords * 4, bytesOf(testWords)));
  return [train.rows / 2, val.rows / 2, testPositives];
}

function scatterSeries(words: Int32Array, { first, rows, total, blockRows, order, path }: ShuffledTarget): void {
  const destination = destinationOf(order);
  const scatter = openScatter({ path, places: total, blockPlaces: blockRows, stride: seriesWords, capacity: rows });
  scatter.write(words, (i) => destination(first + i));
  scatter.close();
}
