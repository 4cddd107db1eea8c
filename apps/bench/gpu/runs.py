"""Prints whole training runs of run.sh as one table, and keeps them as JSON.

    python3 runs.py OUT NAME             OUT/NAME-<strategy>-<repeat>.json and OUT/NAME-prepare.json (seconds): end to end
    python3 runs.py OUT --steps FILE...  <engine>-<batches>.json: milliseconds of a step, from a long and a short run
"""

import glob
import json
import os
import re
import sys

out, name, *files = sys.argv[1:]


def read(path):
    """The report in a file; None for a run that failed."""
    try:
        report = json.loads(open(path).read().strip().split("\n")[-1])
        return report if "seconds" in report else None
    except (OSError, ValueError):
        return None


def moved(report):
    """Bytes of rows, their state and switches, training and tests together."""
    kinds = ("rows", "rowState", "switch")
    return sum(report["bytes"]["train"][k][d] for k in kinds for d in ("toDevice", "toHost"))


def end_to_end():
    prepare = json.load(open(f"{out}/{name}-prepare.json"))
    print(f"{'strategy':22} {'inputs':>9} {'train s':>8} {'M inputs/s':>10} {'test s':>7} {'switch s':>8} {'switches':>8} {'overhead %':>10} {'GB moved':>8} {'AUC':>8} {'open s':>7}")
    lines = []
    for path in sorted(glob.glob(f"{out}/{name}-*-[0-9].json")):
        report = read(path)
        strategy, repeat = os.path.basename(path)[len(name) + 1 : -len(".json")].rsplit("-", 1)
        if report is None:
            print(f"{strategy:22} failed, see {os.path.basename(path)}")
            continue
        seconds = report["seconds"]
        tests = sum(t["seconds"] for t in report.get("tests", []))
        switch = seconds["stages"]["switch"]
        whole = seconds["train"] + tests
        auc = (report["metrics"].get("test") or report["metrics"].get("val") or {}).get("auc")
        line = {
            "strategy": strategy, "repeat": int(repeat), "inputs": report["inputs"], "trainSeconds": seconds["train"], "testSeconds": tests,
            "switchSeconds": switch, "switches": report["switches"], "switchedRows": report["rows"]["switched"], "openSeconds": seconds.get("open"),
            "overheadShare": (switch + tests) / whole, "bytesMoved": moved(report), "auc": auc, "metrics": report["metrics"], "memory": report["memory"],
        }  # fmt: skip
        lines.append(line)
        print(
            f"{strategy:22} {line['inputs']:9} {line['trainSeconds']:8.3f} {line['inputs'] / line['trainSeconds'] / 1e6:10.3f} {tests:7.3f} {switch:8.4f} "
            f"{line['switches']:8} {100 * line['overheadShare']:10.1f} {line['bytesMoved'] / 1e9:8.3f} {auc or 0:8.5f} {line['openSeconds'] or 0:7.1f}"
        )
    print(f"profile {prepare['profile']:.1f} s, pack {prepare['pack']:.1f} s, once per log")
    json.dump({"name": name, "prepare": prepare, "runs": lines}, open(f"{out}/{name}.json", "w"))


def steps():
    by_engine = {}
    for path in files:
        report, engine, batches = read(path), *re.match(r".*/webgpu-(.+)-(\d+)\.json$", path).groups()
        if report:
            by_engine.setdefault(engine, {})[int(batches)] = report["seconds"]["train"]
    lines = []
    for engine, times in by_engine.items():
        if len(times) < 2:
            continue
        few, many = min(times), max(times)
        lines.append({"engine": engine, "milliseconds": 1e3 * (times[many] - times[few]) / (many - few), "batches": times})
        print(f"{engine:14} {lines[-1]['milliseconds']:9.3f} ms per step")
    json.dump(lines, open(f"{out}/tfjs-webgpu.json", "w"))


steps() if name == "--steps" else end_to_end()
