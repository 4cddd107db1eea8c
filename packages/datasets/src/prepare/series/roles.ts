import { DataError, permutation } from "@fae/core";
import { openSink } from "../files.js";
import type { SeriesOptions } from "../options.js";
import { readWords } from "../part-rows.js";

/** What becomes of a user's line, as bits. `listed`: it is in TBSM's train or test file, so that its pairs can be drawn. */
export const roles = { listed: 1, train: 2, val: 4, test: 8 } as const;

export type RoleOptions = Pick<Required<SeriesOptions>, "trainUsers" | "valUsers" | "usersMultiple"> & {
  readonly seed: number;
};

/**
 * Who trains and who tests. The split time is the last-action time at position floor(0.7 U) of all users' sorted; a user
 * whose last action is later is a test user. Both lists are cut to a multiple; the training list is shuffled, its first
 * `trainUsers` train and, of these, the first `valUsers` validate as well.
 *
 * @param lastTimes time of the last action, by user.
 * @returns bits of `roles`, by user; how many users would test if none were cut.
 * @throws DataError when nobody is left to train on.
 */
export function assignRoles(
  lastTimes: Int32Array,
  { trainUsers, valUsers, usersMultiple, seed }: RoleOptions,
): { readonly bits: Uint8Array; readonly testers: number } {
  const users = lastTimes.length;
  const splitTime = lastTimes.slice().sort()[Math.floor(users * 0.7)];
  const testers = lastTimes.reduce((n, time) => n + (time > splitTime ? 1 : 0), 0);
  const cut = (n: number) => n - (n % usersMultiple);
  const trainLines = cut(users - testers);
  const testLines = cut(testers);
  if (trainLines === 0) {
    throw new DataError(
      `The log has ${users - testers} training users; they are used in multiples of ${usersMultiple}.`,
      {
        fix: `Give more of the log, ${usersMultiple} training users at least, or a smaller usersMultiple (--users-multiple).`,
        details: { found: users - testers, expected: usersMultiple },
      },
    );
  }
  const position = permutation(trainLines, seed, 0);
  const bits = new Uint8Array(users);
  let trainLine = 0;
  let testLine = 0;
  for (let user = 0; user < users; user++) {
    if (lastTimes[user] > splitTime) {
      if (testLine++ < testLines) bits[user] = roles.listed | roles.test;
    } else if (trainLine < trainLines) {
      const place = position(trainLine++);
      bits[user] = roles.listed | (place < trainUsers ? roles.train : 0) | (place < valUsers ? roles.val : 0);
    }
  }
  return { bits, testers };
}

export interface WriteRolesOptions extends RoleOptions {
  /** Files of `collectHistories`, by bucket. */
  readonly buckets: readonly string[];
  readonly users: number;
  readonly bucketUsers: number;
  /** Gets one byte of role bits a user. */
  readonly path: string;
}

export interface RolesReport {
  /** Users whose last action lies after the split time; they test, cut to a multiple. */
  readonly testers: number;
}

/** `assignRoles` over the histories of all buckets. */
export function writeRoles(options: WriteRolesOptions): RolesReport {
  const { buckets, users, bucketUsers, path } = options;
  const lastTimes = new Int32Array(users);
  for (const [bucket, histories] of buckets.entries()) {
    const firstUser = bucket * bucketUsers;
    const heads = readWords(histories, 0, 2 * Math.min(bucketUsers, users - firstUser));
    for (let i = 0; i < heads.length / 2; i++) lastTimes[firstUser + i] = heads[i * 2];
  }
  const { bits, testers } = assignRoles(lastTimes, options);
  const sink = openSink(path);
  sink.write(bits);
  sink.close();
  return { testers };
}
