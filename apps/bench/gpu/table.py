"""Prints the results of run.sh as tables: milliseconds per step, inputs per second, the ratio to PyTorch's CUDA graph; `mixed` by cold share
and look-ahead; switches of `fae`; equal bits."""

import json
import os
import statistics
import sys

lines = [json.loads(line) for line in open(sys.argv[1])]
name = lambda r: os.path.basename(r["program"]).removesuffix(".json")
steps = [r for r in lines if r["route"] not in ("bits", "fae-switch") and "coldShare" not in r]
graph = {(name(r), r["batch"]): r["milliseconds"] for r in steps if r["route"] == "pytorch-graph"}
device = {(name(r), r["batch"]): r["milliseconds"] for r in steps if r["route"] == "device"}
hybrid = {(name(r), r["batch"]): r["milliseconds"] for r in steps if r["route"] == "hybrid"}
if steps:
    print(f"{'model':6} {'batch':>6} {'route':15} {'ms':>9} {'M inputs/s':>10} {'/ graph':>8} {'/ device':>8} {'hybrid /':>8} {'row KB':>8}")
for r in steps:
    key = (name(r), r["batch"])
    ms = r["milliseconds"]
    ratio = lambda a, b: f"{a / b:8.3f}" if a and b else " " * 8
    rows = f"{r['rowBytesPerStep'] / 1e3:8.0f}" if "rowBytesPerStep" in r else ""
    ahead = f" {r['lookAhead']}" if r["route"] == "mixed" and r.get("lookAhead", 2) != 2 else ""
    print(
        f"{key[0]:6} {key[1]:6} {r['route'] + ahead:15} {ms:9.4f} {key[1] / ms / 1e3:10.2f} {ratio(ms, graph.get(key))} "
        f"{ratio(ms, device.get(key))} {ratio(hybrid.get(key), ms)} {rows}"
    )

cold = [r for r in lines if "coldShare" in r]
for key in sorted({(name(r), r["batch"]) for r in cold}):
    mine = [r for r in cold if (name(r), r["batch"]) == key]
    shares = sorted({r["coldShare"] for r in mine})
    one = {(r["lookAhead"], r["coldShare"]): r for r in mine}
    print(f"{key[0]} {key[1]} mixed, ms by share of cold look-ups" + "".join(f"{share:>9}" for share in shares))
    for ahead in sorted({r["lookAhead"] for r in mine}):
        cells = "".join(f"{one[ahead, share]['milliseconds']:9.4f}" if (ahead, share) in one else " " * 9 for share in shares)
        print(f"{'look-ahead ' + str(ahead):>{len(key[0]) + 44}}{cells}")
    rows = "".join(f"{max(r['coldRowsPerStep'] for r in mine if r['coldShare'] == share):9.0f}" for share in shares)
    print(f"{'cold rows fetched':>{len(key[0]) + 44}}{rows}")

for r in lines:
    if r["route"] == "fae-switch":
        to = lambda side: f"{r[side]['milliseconds']:.3f} ms for {statistics.median(r[side]['rows']):.0f} rows"
        print(
            f"{name(r)} {r['batch']} switch: to the device {to('toDevice')}, to the host {to('toHost')}; "
            f"{r['hotBatches']} hot steps of {statistics.median(r['hotStepMs']):.4f} ms, {r['hybridBatches']} hybrid of {statistics.median(r['hybridStepMs']):.4f} ms"
        )
    if r["route"] == "bits":
        print(f"{name(r)} {r['batch']} device, hot, mixed, twice each: {'equal to the bit' if r['equal'] else 'DIFFERENT'}")
