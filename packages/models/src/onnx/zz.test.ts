import { test, expect } from "vitest"; import { writeFileSync, readFileSync } from "node:fs";
import { onnxModel } from "./onnx-model.js"; import { models, dlrm, tbsm, rmc2 } from "../index.js";
import { readdirSync } from "node:fs";
test("x", async () => { const p = dlrm({ tables: [9,40], width: 4, denseFeatures: 3, bottomMlp:[8,4], topMlp:[8,1] } as never); console.log(JSON.stringify(p).slice(0,300)); });
