"""Prints the results of run.sh as one table: milliseconds per step, inputs per second, and the ratio to PyTorch's CUDA graph."""

import json
import os
import sys

lines = [json.loads(line) for line in open(sys.argv[1])]
name = lambda r: os.path.basename(r["program"]).removesuffix(".json")
graph = {(name(r), r["batch"]): r["milliseconds"] for r in lines if r["route"] == "pytorch-graph"}
device = {(name(r), r["batch"]): r["milliseconds"] for r in lines if r["route"] == "device"}
hybrid = {(name(r), r["batch"]): r["milliseconds"] for r in lines if r["route"] == "hybrid"}
print(f"{'model':6} {'batch':>6} {'route':15} {'ms':>9} {'M inputs/s':>10} {'/ graph':>8} {'/ device':>8} {'hybrid /':>8} {'row KB':>8}")
for r in lines:
    key = (name(r), r["batch"])
    ms = r["milliseconds"]
    ratio = lambda a, b: f"{a / b:8.3f}" if a and b else " " * 8
    rows = f"{r['rowBytesPerStep'] / 1e3:8.0f}" if "rowBytesPerStep" in r else ""
    print(
        f"{key[0]:6} {key[1]:6} {r['route']:15} {ms:9.4f} {key[1] / ms / 1e3:10.2f} {ratio(ms, graph.get(key))} "
        f"{ratio(ms, device.get(key))} {ratio(hybrid.get(key), ms)} {rows}"
    )
