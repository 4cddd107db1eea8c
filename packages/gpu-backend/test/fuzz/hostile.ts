/** Values that nobody should hand to an engine, and jobs with some of them inside. */
import type { Job, Random } from "@fae/core";

const numbers = [
  0,
  -0,
  -1,
  1,
  2,
  3,
  0.5,
  1.5,
  7,
  64,
  255,
  1024,
  1025,
  65536,
  65537,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 32 + 1,
  2 ** 40,
  2 ** 53 - 1,
  2 ** 53,
  1e30,
  1e39,
  1e308,
  5e-324,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -(2 ** 31),
  -(2 ** 63),
];

const texts = [
  "",
  "a",
  "a\0b",
  "\0",
  "#step",
  "a#b",
  "__proto__",
  "constructor",
  "toString",
  "\ud800",
  "\udc00\ud800",
  "\ufffd",
  "\u{1f600}",
  "dense",
  "rows",
  "train",
  "host",
  "hot",
  "mixed",
  "hybrid",
  "server",
  "device",
  "split",
  "file",
  "memory",
  "/dev/null",
  "/dev/full",
  "/proc/self/mem",
  "/tmp",
  "/",
  ".",
  "x".repeat(70_000),
  "\u001b]0;x\u0007",
  "%s%n",
  '"',
];

export const pick = <T>(random: Random, values: readonly T[]): T => values[random.below(values.length)];

const others: readonly (() => unknown)[] = [
  () => undefined,
  () => null,
  () => true,
  () => false,
  () => ({}),
  () => [],
  () => [null],
  () => new Array(3),
  () => 10n,
  () => Symbol("x"),
  () => () => 1,
  () => new Uint32Array(4),
  () => new Uint32Array(new SharedArrayBuffer(16)),
  () => new Int32Array(4),
  () => new Float32Array([Number.NaN, 1]),
  () => new Float64Array(3),
  () => new Uint8Array(7),
  () => new ArrayBuffer(8),
  () => new Date(0),
  () => new Map(),
  () => new Proxy([1, 2], {}),
  () => new Proxy(new Uint32Array(2), {}),
  () => Object.create(null),
  () => Object.assign(Object.create({ inherited: 1 }), { on: "host" }),
  () => structuredClone(new Uint32Array(8)).subarray(1, 3),
];

export function hostileValue(random: Random): unknown {
  const kind = random.below(10);
  if (kind < 5) return pick(random, numbers);
  if (kind < 7) return pick(random, texts);
  return pick(random, others)();
}

type Holder = Record<string, unknown> | unknown[];

/** Every place of a value inside plain objects and arrays, which a change may have led back to themselves. */
function placesOf(value: unknown, places: [Holder, string][] = [], seen = new Set<unknown>()): [Holder, string][] {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || seen.has(value)) return places;
  seen.add(value);
  for (const [key, inner] of Object.entries(value)) {
    places.push([value as Holder, key]);
    placesOf(inner, places, seen);
  }
  return places;
}

const sizes = [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 64, 65, 255, 1024, 65536, 2 ** 31 - 1];

/** Another value of the same type; lists grow, shrink and repeat themselves. */
function sameType(random: Random, value: unknown, job: Job): unknown {
  if (typeof value === "number")
    return random.below(2) === 0 ? pick(random, sizes) : value + pick(random, [-1, 1, 2, 0.5]);
  if (typeof value === "boolean") return !value;
  if (typeof value === "string") {
    const others = placesOf(job).map(([holder, key]) => (holder as Record<string, unknown>)[key]);
    return pick(random, [...others.filter((other) => typeof other === "string"), ...texts]);
  }
  if (ArrayBuffer.isView(value)) return (value as Uint32Array).subarray(random.below(3));
  if (!Array.isArray(value) || value.length === 0) return value;
  return pick(random, [value.slice(1), value.slice(0, -1), [...value, pick(random, value)], [...value].reverse()]);
}

/** Fields and values of one to three places replaced, removed, repeated, or taken from elsewhere; now and then broken words. */
export function hostileJob(random: Random, job: Job): Job {
  const broken = structuredClone(job) as Job & Record<string, unknown>;
  if (random.below(5) === 0)
    for (const { storage } of broken.sources)
      if (storage.kind === "memory" && storage.words.length > 0)
        storage.words[random.below(storage.words.length)] =
          random.below(3) === 0 ? 0xffffffff : random.below(0xffffffff);
  // Values of any type mostly end at the checks of types; values of the same type come further, to the engine's own checks.
  const keepsTypes = random.below(2) === 0;
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const [holder, key] = pick(random, placesOf(broken));
    const target = holder as Record<string, unknown>;
    if (keepsTypes) {
      target[key] = sameType(random, target[key], broken);
      continue;
    }
    const how = random.below(8);
    if (how === 0) delete target[key];
    else if (how === 1) target[key] = pick(random, placesOf(broken))[0];
    else if (how === 2 && Array.isArray(holder)) holder.push(holder[random.below(holder.length)]);
    else if (how === 3 && typeof target[key] === "number")
      target[key] = (target[key] as number) + pick(random, [-1, 1, 0.5]);
    else target[key] = hostileValue(random);
  }
  return broken;
}

/** A table of a size that can be had and takes long to draw is no test of the boundary. */
export const takesLong = (job: Job): boolean => {
  const tables = job?.program?.tables;
  return (
    Array.isArray(tables) &&
    tables.some((table) => typeof table?.rows === "number" && table.rows > 2 ** 20 && table.rows < 2 ** 31)
  );
};
