"""Where the time of one training step goes, against its floors: kernel times as ncu measured them, grouped by the part of the step that
they belong to, beside the least bytes and operations that the part needs. For DLRM programs on the `device` route.

    python3 kernels.py NCU.csv PROGRAM.json BATCH [--bandwidth 3.0] [--tflops 400] [--distinct ROWS] [--json OUT]

NCU.csv: `ncu --csv --print-units base --metrics gpu__time_duration.sum[,dram__bytes_read.sum,dram__bytes_write.sum]` over several steps.
--bandwidth in TB/s and --tflops are what the card was measured to do (a large copy, a large TF32 product). --distinct: distinct rows of
a batch; without it every look-up counts as one row.
"""

import argparse
import csv
import json
import re

# Part of the step by kernel name, first match. The engine's kernels carry their template arguments: tf32_kernel<0|1|2> is nt, nn, tn.
parts = [
    ("decode", r"decode_kernel"),
    ("look-up and interaction", r"lookup_kernel|forward_kernel<"),
    ("sort of ids", r"RadixSort|table_sort_kernel"),
    ("row update", r"chunk_kernel|long_run_kernel|sgd_atomic|atomic_kernel"),
    ("interaction gradient", r"backward_kernel<"),
    ("mask of the ReLU gradient", r"backward_kernel\(float \*, const float \*, unsigned long"),
    ("last layer and loss", r"head_kernel|loss"),
    ("bias gradients", r"BgradAB|column_sums"),
    ("matrix products", r"tf32_kernel|sliced_kernel|wgmma_kernel|transpose_kernel|gemm|cutlass|splitKreduce|xmma"),
    ("update of parameters", r"update_kernel"),
]


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("csv")
    p.add_argument("program")
    p.add_argument("batch", type=int)
    p.add_argument("--bandwidth", type=float, default=3.0)
    p.add_argument("--tflops", type=float, default=400)
    p.add_argument("--distinct", type=int)
    p.add_argument("--json")
    return p.parse_args()


def launches(path):
    """One dict per launch, in order: name, grid, and the metrics in base units (ns, bytes)."""
    rows = [r for r in csv.reader(open(path, errors="replace")) if len(r) > 10]
    if not rows:
        raise SystemExit(f"{path} holds no measurements.")
    head, found = rows[0], {}
    at = {name: head.index(name) for name in ("ID", "Kernel Name", "Grid Size", "Metric Name", "Metric Value")}
    for r in rows[1:]:
        if len(r) != len(head) or not r[at["ID"]].isdigit():
            continue
        one = found.setdefault(int(r[at["ID"]]), {"kernel": r[at["Kernel Name"]], "grid": r[at["Grid Size"]]})
        one[r[at["Metric Name"]]] = float(r[at["Metric Value"]].replace(",", ""))
    return [found[i] for i in sorted(found)]


def one_step(all_launches):
    """From one decoding of a batch to the next."""
    starts = [i for i, one in enumerate(all_launches) if "decode_kernel" in one["kernel"]]
    if len(starts) < 2:
        raise SystemExit("The file holds no whole step: profile more launches.")
    return all_launches[starts[0] : starts[1]]


def part_of(kernel):
    return next((name for name, pattern in parts if re.search(pattern, kernel)), "other")


def floors(program, batch, distinct):
    """Bytes and operations that each part needs at least: inputs read once, outputs written once."""
    tables, width, features = len(program["tables"]), program["width"], program["denseFeatures"]
    shapes = {p["name"]: p["shape"] for p in program["params"]}
    need = {name: [0, 0] for name, _ in parts}
    looked_up = batch * tables
    linears = [n for n in program["nodes"] if n["op"] == "linear"]
    for node in linears:
        m, k = shapes[node["params"][0]]
        last = node["output"] == program["logit"]
        first = node["inputs"][0] == "dense"
        one = 4 * (batch * k + m * k + batch * m)
        if last and m == 1:
            need["last layer and loss"][0] += 4 * (2 * batch * k + batch)
            continue
        times = 2 if first else 3  # forward, weight gradient, and the input gradient where one is wanted
        need["matrix products"][0] += times * one
        need["matrix products"][1] += times * 2 * batch * m * k
    interact = next((n for n in program["nodes"] if n["op"] == "interact"), None)
    if interact:
        out = width + (tables + 1) * tables // 2
        rows = 4 * looked_up * width
        need["look-up and interaction"] = [rows + 4 * (looked_up + batch * width + batch * out), 2 * batch * (tables + 1) * tables // 2 * width]
        need["interaction gradient"] = [2 * rows + 4 * (looked_up + 2 * batch * width + batch * out), 4 * batch * (tables + 1) * tables // 2 * width]
        need["row update"] = [rows + 4 * looked_up + 8 * (distinct or looked_up) * width, 0]
    need["decode"] = [8 * batch * (1 + features + tables), 0]
    need["sort of ids"] = [16 * looked_up, 0]
    parameters = sum(int(s[0]) * (int(s[1]) if len(s) > 1 else 1) for s in shapes.values())
    need["update of parameters"] = [12 * parameters, 0]
    return need


def main():
    o = parse()
    program = json.load(open(o.program))["program"]
    step = one_step(launches(o.csv))
    need = floors(program, o.batch, o.distinct)
    table = {}
    for one in step:
        part = table.setdefault(part_of(one["kernel"]), {"kernels": 0, "us": 0.0, "dramBytes": 0.0})
        part["kernels"] += 1
        part["us"] += one["gpu__time_duration.sum"] / 1e3
        part["dramBytes"] += one.get("dram__bytes_read.sum", 0) + one.get("dram__bytes_write.sum", 0)
    print(f"{'part':28} {'kernels':>7} {'us':>8} {'MB moved':>9} {'least MB':>9} {'GFLOP':>7} {'floor us':>9} {'times floor':>11}")
    total = [0.0, 0.0]
    for name, part in sorted(table.items(), key=lambda item: -item[1]["us"]):
        least, operations = need.get(name, [0, 0])
        part["leastBytes"], part["operations"] = least, operations
        part["floorUs"] = max(least / (o.bandwidth * 1e12), operations / (o.tflops * 1e12)) * 1e6
        total[0] += part["us"]
        total[1] += part["floorUs"]
        ratio = f"{part['us'] / part['floorUs']:11.1f}" if part["floorUs"] else " " * 11
        moved = f"{part['dramBytes'] / 1e6:9.1f}" if part["dramBytes"] else " " * 9
        print(f"{name:28} {part['kernels']:7} {part['us']:8.1f} {moved} {least / 1e6:9.1f} {operations / 1e9:7.2f} {part['floorUs']:9.1f} {ratio}")
    print(f"{'sum, kernels one at a time':28} {len(step):7} {total[0]:8.1f} {'':9} {'':9} {'':7} {total[1]:9.1f} {total[0] / total[1]:11.1f}")
    if o.json:
        named = [{"part": part_of(one["kernel"]), **one} for one in step]
        json.dump({"program": o.program, "batch": o.batch, "bandwidthTBs": o.bandwidth, "tflops": o.tflops, "parts": table, "launches": named}, open(o.json, "w"))


main()
