#!/usr/bin/env node
import { runProcess } from "./cli/run-process.js";
import { main } from "./cli.js";

const { stdout, stderr } = process;
await runProcess((args, signal) => main(args, { stdout, stderr, now: () => performance.now(), signal }));
