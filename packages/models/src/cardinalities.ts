/** Rows per table of the public data sets, in the order of their columns. */

/** Criteo Kaggle, C1..C26: 33,762,577 rows. */
export const criteoKaggleRows: readonly number[] = [
  1460, 583, 10131227, 2202608, 305, 24, 12517, 633, 3, 93145, 5683, 8351593, 3194, 27, 14992, 5461306, 10, 5652, 2173,
  4, 7046547, 18, 15, 286181, 105, 142572,
];

/**
 * Criteo Terabyte, C1..C26, at the 266 M rows that the FAE paper reports (265,999,998). The paper gives no split: the five
 * largest tables here have 0.298 of their rows without any cap, the others all of theirs.
 */
export const criteoTerabyteRows: readonly number[] = [
  67825279, 39060, 17295, 7424, 20265, 3, 7122, 1543, 63, 38807729, 3067956, 405282, 10, 2209, 11938, 155, 4, 976, 14,
  87245666, 12155498, 55781238, 590152, 12973, 108, 36,
];

/** Avazu, 21 columns without the hour, one spare row per table: 9,449,226 rows. */
export const avazuRows: readonly number[] = [
  8, 8, 4738, 7746, 27, 8553, 560, 37, 2686409, 6729487, 8252, 6, 5, 2627, 9, 10, 436, 5, 69, 173, 61,
];

/** Taobao: users, items, categories; 5,159,457 rows. */
export const taobaoRows: readonly number[] = [987994, 4162024, 9439];
