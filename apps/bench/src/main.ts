#!/usr/bin/env node
import { runProcess } from "@fae/trainer";
import { main } from "./cli.js";

const { stdout, stderr, env: environment } = process;
await runProcess((args, signal) => main(args, { stdout, stderr, environment, signal }));
