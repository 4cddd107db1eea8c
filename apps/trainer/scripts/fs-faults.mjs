// Lets the n-th write, fsync or rename of this process fail, in all its threads.
// `how`: "once" lets that one operation fail with EIO; "full" lets a write stop halfway with ENOSPC, and so all later writes
// and fsyncs; "short" lets a write take half of what it is given and say so, which is no error; "short-full" the same, and all
// later writes and fsyncs fail with ENOSPC: a disk with room for a part of a write. This file is also what worker threads load first.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import workerThreads from "node:worker_threads";

const shared = "fae-faults";
const texts = { EIO: "i/o error", ENOSPC: "no space left on device" };

/** Plans are shared with threads: [operations, failures, n, how]. */
const hows = ["once", "full", "short", "short-full"];

function wrapAll(plan, handlePrototype) {
  const { fstatSync, writeSync } = fs;
  const isOurs = (file) => {
    if (typeof file !== "number") return true;
    if (file <= 2) return false;
    const entry = fstatSync(file);
    return entry.isFile() || entry.isDirectory();
  };
  const failure = (code, operation, path) => {
    Atomics.add(plan, 1, 1);
    const error = new Error(`${code}: ${texts[code]}, ${operation} (injected)`);
    return Object.assign(error, { code, syscall: operation, ...(path && { path }) });
  };
  const next = (operation, path) => {
    const number = Atomics.add(plan, 0, 1) + 1;
    const [, , n, how] = plan;
    if (hows[how] === "once") return number === n ? failure("EIO", operation, path) : null;
    if (hows[how].startsWith("short") && number === n) return operation === "write" ? "short" : null;
    if (hows[how] === "short") return null;
    return number >= n && operation !== "rename" ? failure("ENOSPC", operation, path) : null;
  };
  /** Arguments of a write of half as much, in bytes; null when there is no half. Texts become bytes. */
  const shortened = ([file, data, offset, length, position], isHandle) => {
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    const from = typeof data !== "string" && typeof offset === "number" ? offset : 0;
    const whole = typeof data !== "string" && typeof length === "number" ? length : bytes.byteLength - from;
    const at = typeof data === "string" ? offset : position;
    if (whole < 2) return null;
    const half = [bytes, from, whole >> 1, typeof at === "number" ? at : null];
    return isHandle ? half : [file, ...half];
  };
  /** A disk takes half of what is written when it becomes full. */
  const half = (file, data, offset, length, position) => {
    if (hows[plan[3]] !== "full" || Atomics.load(plan, 1) !== 1 || typeof file !== "number") return;
    const written = shortened([file, data, offset, length, position], false);
    if (written !== null) writeSync(...written);
  };
  const undo = [];
  const wrap = (object, name, operation) => {
    const original = object[name];
    undo.push(() => {
      object[name] = original;
    });
    object[name] = function (...args) {
      const [first] = args;
      if (object === fs && !isOurs(first)) return original.apply(this, args);
      const error = next(operation, typeof first === "string" ? first : undefined);
      if (error === null) return original.apply(this, args);
      if (error === "short") {
        // `writeFile` and its like write until everything is written: they have no short writes to answer.
        const isHandle = object !== fs;
        const half = /^write(Sync)?$/.test(name) ? shortened(isHandle ? [null, ...args] : args, isHandle) : null;
        if (half === null) return original.apply(this, args);
        Atomics.add(plan, 1, 1);
        const rest = typeof args.at(-1) === "function" ? [args.at(-1)] : [];
        return original.call(this, ...half, ...rest);
      }
      if (/^write(Sync)?$/.test(name) && object !== fs.promises) half(...(object === fs ? [] : [this.fd]), ...args);
      if (name.endsWith("Sync")) throw error;
      if (object !== fs) return Promise.reject(error);
      process.nextTick(args.at(-1), error);
      return undefined;
    };
  };
  for (const suffix of ["Sync", ""]) {
    for (const name of ["write", "writev", "writeFile", "appendFile"]) wrap(fs, name + suffix, "write");
    for (const name of ["fsync", "fdatasync"]) wrap(fs, name + suffix, "fsync");
    wrap(fs, `rename${suffix}`, "rename");
  }
  wrap(fs.promises, "rename", "rename");
  for (const name of ["writeFile", "appendFile"]) wrap(fs.promises, name, "write");
  for (const name of ["write", "writev", "writeFile", "appendFile"]) wrap(handlePrototype, name, "write");
  for (const name of ["sync", "datasync"]) wrap(handlePrototype, name, "fsync");
  syncBuiltinESMExports();
  return () => {
    for (const step of undo.reverse()) step();
    syncBuiltinESMExports();
  };
}

async function prototypeOfHandles() {
  const file = await fs.promises.open(process.execPath, "r");
  await file.close();
  return Object.getPrototypeOf(file);
}

/**
 * Runs `work` with faults, in it and in threads that it starts.
 * @param n operation that fails (or write that is short), from 1; 0 for none
 * @returns how many operations there were, how many failed, and what `work` gave or threw
 */
export async function withFaults({ n, how }, work) {
  const plan = new Int32Array(new SharedArrayBuffer(16));
  plan[2] = n === 0 ? 0x7fffffff : n;
  plan[3] = hows.indexOf(how);
  workerThreads.setEnvironmentData(shared, plan);
  const { Worker } = workerThreads;
  workerThreads.Worker = class extends Worker {
    constructor(file, options = {}) {
      super(file, { ...options, execArgv: [...(options.execArgv ?? []), "--import", import.meta.url] });
    }
  };
  const restore = wrapAll(plan, await prototypeOfHandles());
  try {
    const outcome = await work().then(
      (value) => ({ value }),
      (error) => ({ error }),
    );
    return { operations: plan[0], failed: plan[1], ...outcome };
  } finally {
    restore();
    workerThreads.Worker = Worker;
    workerThreads.setEnvironmentData(shared, undefined);
    syncBuiltinESMExports();
  }
}

if (!workerThreads.isMainThread) {
  const plan = workerThreads.getEnvironmentData(shared);
  if (plan !== undefined) wrapAll(plan, await prototypeOfHandles());
}
