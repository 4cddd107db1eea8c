import type { CommandEntry } from "../cli/command.js";
import { doctorCommand } from "./doctor.js";
import { evaluateCommand } from "./evaluate.js";
import { exportCommand } from "./export.js";
import { importCommand } from "./import.js";
import { inspectCommand } from "./inspect.js";
import { packCommand } from "./pack.js";
import { planCommand } from "./plan.js";
import { predictCommand } from "./predict.js";
import { prepareCommand } from "./prepare.js";
import { profileCommand } from "./profile.js";
import { reportCommand } from "./report.js";
import { schemaCommand } from "./schema.js";
import { synthCommand } from "./synth.js";
import { trainCommand } from "./train.js";
import { verifyCommand } from "./verify.js";

/** Every command of `fae`, in the order of `fae --help`. */
export const commands: readonly CommandEntry[] = [
  prepareCommand,
  schemaCommand,
  synthCommand,
  inspectCommand,
  profileCommand,
  packCommand,
  planCommand,
  trainCommand,
  reportCommand,
  evaluateCommand,
  predictCommand,
  exportCommand,
  importCommand,
  verifyCommand,
  doctorCommand,
];
