import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { openRows } from "@fae/core";
import { prepareSchema, readManifest, toBatchSource } from "@fae/datasets";
import { afterAll, expect, it } from "vitest";
import { readLogSchema } from "../src/schema/read-schema.js";

const root = mkdtempSync(join(tmpdir(), "fae-examples-"));
afterAll(() => rmSync(root, { recursive: true }));
const examples = fileURLToPath(new URL("../../../examples/schemas/", import.meta.url));

const tabs = (...lines: string[]) => lines.map((line) => line.replaceAll(/ *\| */g, "\t"));

/** Rows in the form of each data set, made up; by the file that its schema names. */
const rows: Record<string, Record<string, readonly string[]>> = {
  movielens: {
    "ratings.dat": ["1::1193::5::978300760", "1::661::3::978302109", "2::1357::5::978298709", "2::914::2::978301968"],
  },
  kuairand: {
    "data/log_standard_4_08.csv": [
      "user_id,video_id,date,hourmin,time_ms,is_click,is_like,is_follow,is_comment,is_forward,is_hate,long_view,play_time_ms,duration_ms,profile_stay_time,comment_stay_time,is_profile_enter,is_rand,tab",
      "7,3784,20220421,700,1650495630341,0,0,0,0,0,0,0,0,7531,0,0,0,0,1",
      "7,3785,20220421,1200,1650513630341,1,1,0,0,0,0,1,9000,13000,0,0,0,0,1",
      "9,3784,20220422,1300,1650603630341,1,0,0,0,0,0,0,500,7531,0,0,0,1,4",
    ],
  },
  "amazon-reviews": {
    "All_Beauty.jsonl": [
      '{"rating": 5.0, "title": "Nice \\"smell\\"", "text": "Good.", "images": [{"hl": null}], "asin": "B00A", "parent_asin": "B00P", "user_id": "AGK", "timestamp": 1588687728923, "helpful_vote": 0, "verified_purchase": true}',
      '{"rating": 2.0, "title": "No", "text": "Bad", "images": [], "asin": "B00B", "parent_asin": "B00P", "user_id": "AGK", "timestamp": 1588687738923, "helpful_vote": 12, "verified_purchase": false}',
    ],
  },
  tenrec: {
    "ctr_data_1M.csv": [
      "user_id,item_id,click,follow,like,share,video_category,watching_times,gender,age,hist_1,hist_2,hist_3,hist_4,hist_5,hist_6,hist_7,hist_8,hist_9,hist_10",
      "1,13,1,0,0,0,1,2,1,3,5,6,7,0,0,0,0,0,0,0",
      "1,14,0,0,0,0,0,0,1,3,5,6,7,13,0,0,0,0,0,0",
    ],
  },
  "ali-ccp": {
    "sample_skeleton_train.csv": [
      "1,0,0,bacff91692951881,3,216\x029342395\x031.0\x01301\x029351665\x031.0\x01508\x0290\x030.69",
      "2,1,0,bacff91692951881,2,216\x029342395\x031.0\x01301\x029351666\x031.0",
    ],
    "sample_skeleton_test.csv": ["3,0,0,c00000000000000a,1,216\x027\x031.0"],
  },
  ipinyou: {
    "2997/train.log.txt": tabs(
      "click | weekday | hour | bidid | timestamp | logtype | ipinyouid | useragent | IP | region | city | adexchange | domain | url | urlid | slotid | slotwidth | slotheight | slotvisibility | slotformat | slotprice | creative | bidprice | payprice | keypage | advertiser | usertag",
      "0 | 4 | 0 | 9d7b | 20131024000103408 | 1 | Vh1 | windows_ie | 125.38.159.* | 2 | 2 | 2 | trq | d48 | null | mm_1 | 336 | 280 | 2 | 1 | 0 | 832b | 300 | 54 | bebe | 2997 | 10057,10063,10006",
      "1 | 4 | 0 | aaaa | 20131024000203408 | 1 | Vh2 | null | 125.38.160.* | 2 | 3 | 2 | null | d49 | null | mm_1 | 336 | 280 | 2 | 1 | 5 | 832b | 300 | 54 | bebe | 2997 | null",
    ),
    "2997/test.log.txt": tabs(
      "click | weekday | hour | bidid | timestamp | logtype | ipinyouid | useragent | IP | region | city | adexchange | domain | url | urlid | slotid | slotwidth | slotheight | slotvisibility | slotformat | slotprice | creative | bidprice | payprice | keypage | advertiser | usertag",
      "0 | 5 | 1 | bbbb | 20131025010203408 | 1 | Vh2 | linux | 125.38.160.* | 2 | 3 | 2 | trq | d49 | null | mm_2 | 300 | 250 | 1 | 1 | 5 | 832b | 300 | 54 | bebe | 2997 | 10057",
    ),
  },
  frappe: Object.fromEntries(
    ["train.csv", "valid.csv", "test.csv"].map((name) => [
      name,
      [
        "label,user,item,daytime,weekday,isweekend,homework,cost,weather,country,city",
        "0,451,4149,5041,5046,5053,5055,5058,5060,5069,5149",
        "1,451,4150,5041,5046,5053,5055,5058,5060,5069,5149",
      ],
    ]),
  ),
  gowalla: {
    "gowalla.tsv": tabs(
      "0 | 2010-10-19T23:55:27Z | 30.2359091167 | -97.7951395833 | 22847 | 1",
      "0 | 2010-10-18T22:17:43Z | 30.2691029532 | -97.7493953705 | 420315 | 0",
      "196514 | 2010-07-24T13:45:06Z | 53.3648119 | -2.2723465833 | 145064 | 1",
    ),
  },
  mind: {
    "mind.csv": [
      "user,time,history,news,click",
      "U13740,2019-11-11 09:05:58,N55189 N42782 N34694,N55689,1",
      "U13740,2019-11-11 09:05:58,N55189 N42782 N34694,N35729,0",
      "U91836,2019-11-12 18:11:30,,N20678,0",
    ],
  },
};

const parquet = {
  yambda: `SELECT * FROM (VALUES (100, 2000, 55, 1, 100, 210), (100, 2005, 56, 0, 3, NULL), (101, 90000, 55, 0, 90, 180))
    v(uid, timestamp, item_id, is_organic, played_ratio_pct, track_length_seconds)`,
};

it("every example is tried here", () => {
  const names = readdirSync(examples).map((name) => name.replace(/\.yaml$/, ""));
  expect(names.sort()).toEqual([...Object.keys(rows), ...Object.keys(parquet)].sort());
});

it.each([...Object.keys(rows), ...Object.keys(parquet)])("%s is prepared as its schema says", async (name) => {
  const log = readLogSchema(join(examples, `${name}.yaml`));
  const directory = join(root, name);
  const write = async (path: string, text: readonly string[] | string) => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    if (typeof text !== "string") writeFileSync(join(directory, path), `${text.join("\n")}\n`);
    else {
      const { DuckDBInstance } = await import("@duckdb/node-api");
      const connection = await (await DuckDBInstance.create(":memory:")).connect();
      await connection.run(`COPY (${text}) TO '${join(directory, path)}' (FORMAT parquet)`);
      connection.closeSync();
    }
  };
  const given = rows[name];
  if (given) for (const [path, lines] of Object.entries(given)) await write(path, lines);
  else await write("flat/50m/listens.parquet", parquet[name as keyof typeof parquet]);
  const data = await prepareSchema({ log: { ...log, directory }, directory: join(directory, "out"), maxRejects: 0 });
  for (const split of ["train", "val", "test"] as const) {
    using reader = openRows(toBatchSource(data, split), { batch: 10, tables: data.tables });
    if (reader.batches > 0) reader.read(0, null); // checks labels, numbers and ids
  }
  const { lines, splits, tables } = await readManifest(data.directory);
  expect(lines.rejected).toBe(0);
  expect({
    splits: Object.values(splits).map((split) => split?.rows),
    positives: Object.values(splits).map((split) => split?.positives),
    tables: Object.fromEntries(tables.map((table) => [table.name, table.rows])),
  }).toMatchSnapshot();
});
