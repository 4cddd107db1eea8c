"""Times PyTorch training steps of RMC1..RMC4 on a GPU host and prints one JSON line per result.

Modes:
  graph   all rows in GPU memory as one fused table, the whole step (forward, backward, SGD) in one CUDA graph, TF32;
          rows updated by index_add_ (atomics). Inputs lie on the GPU: copies over PCIe are not counted, in PyTorch's favour.
  hybrid  as the open-source DLRM runs it: one nn.EmbeddingBag(sparse) per table on the CPU, pooled rows copied one by one,
          MLPs on the GPU, sparse SGD on the CPU.
  tuned   hybrid, tuned: one gather from one stacked table into pinned memory, one copy over, the network as a CUDA graph, one copy
          of row gradients back, one index_add_ on the CPU.

    python3 gpu_baselines.py --program rmc2.json --data train.rows --batch 1024,4096 --mode graph,tuned

PROGRAM is a compiled program (core's CompiledProgram as JSON): sizes are read from it. DATA holds rows of 32-bit words: label,
then per step dense counts and ids. Loss over the first 16 batches is printed as a check of the result, weights being random.
"""

import argparse
import json
import math
import statistics
import time

import numpy as np
import torch
from torch import nn


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--program", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--batch", default="1024,4096,16384")
    p.add_argument("--mode", default="graph")
    p.add_argument("--lr", type=float, default=0.01)
    p.add_argument("--repeats", type=int, default=10)
    p.add_argument("--segment", type=int, default=64)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--out")
    return p.parse_args()


class Shape:
    """Sizes of a DLRM or TBSM from the program's parameters."""

    def __init__(self, path):
        program = json.load(open(path))["program"]
        self.name = program["name"]
        self.rows = [t["rows"] for t in program["tables"]]
        self.width, self.features, self.steps = program["width"], program["denseFeatures"], program["steps"]
        prefix = "dlrm." if self.steps else ""
        shapes = {p["name"]: p["shape"] for p in program["params"]}
        layers = lambda name: [s for n, s in shapes.items() if n.startswith(name) and n.endswith("weight")]
        self.bottom, self.top = layers(prefix + "bot_l."), layers(prefix + "top_l.")
        self.attention, self.final = layers("ams.0.mlp."), layers("mlps.0.") + layers("final_mlp.")
        self.words = 1 + max(1, self.steps) * (self.features + len(self.rows))


def mlp(shapes, last):
    layers = []
    for m, k in shapes:
        layers += [nn.Linear(k, m), nn.ReLU()]
    if last == "none":
        layers = layers[:-1]
    elif last == "sigmoid":
        layers[-1] = nn.Sigmoid()
    return nn.Sequential(*layers)


class Net(nn.Module):
    """The dense part: pooled rows [B, (S,) T, D] and dense features in, logits [B] out."""

    def __init__(self, s):
        super().__init__()
        self.s = s
        self.bottom = mlp(s.bottom, "relu")
        self.top = mlp(s.top, "relu" if s.steps else "none")
        count = len(s.rows) + 1
        i, j = np.tril_indices(count, -1)
        self.register_buffer("pairs", torch.tensor(i * count + j))
        if s.steps:
            k = s.top[-1][0]
            self.a = nn.Parameter(torch.randn(k, k) * math.sqrt(1 / k))
            self.attention, self.final = mlp(s.attention, "sigmoid"), mlp(s.final, "none")

    def tower(self, dense, rows):
        x = self.bottom(dense)
        v = torch.cat([x.unsqueeze(1), rows], dim=1)
        dots = torch.bmm(v, v.transpose(1, 2)).flatten(1).index_select(1, self.pairs)
        return self.top(torch.cat([x, dots], dim=1))

    def forward(self, dense, rows):
        if not self.s.steps:
            return self.tower(dense, rows).squeeze(1)
        b, s = rows.shape[:2]
        v = self.tower(dense.flatten(0, 1), rows.flatten(0, 1)).view(b, s, -1)
        v = nn.functional.normalize(v, dim=2)
        history, w = v[:, :-1], v[:, -1]
        q = (w @ self.a.t()) @ self.a
        weights = self.attention(torch.bmm(history, q.unsqueeze(2)).squeeze(2))
        context = torch.bmm(weights.unsqueeze(1), history).squeeze(1)
        return self.final(torch.cat([context, w], dim=1)).squeeze(1)


def batches_of(s, path, batch, most):
    words = np.fromfile(path, dtype=np.int32, count=batch * most * s.words).reshape(-1, s.words)
    out = []
    group = s.features + len(s.rows)
    for at in range(0, len(words) - batch + 1, batch):
        part = words[at : at + batch]
        body = part[:, 1:].reshape(batch, max(1, s.steps), group)
        dense = np.log(body[:, :, : s.features].astype(np.float32) + 1)
        ids = body[:, :, s.features :].astype(np.int64)
        if not s.steps:
            dense, ids = dense[:, 0], ids[:, 0]
        out.append((torch.tensor(dense), torch.tensor(ids), torch.tensor(part[:, 0].astype(np.float32))))
    return out


def capture(step):
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph


def dense_sgd(params, lr):
    torch._foreach_add_(params, [p.grad for p in params], alpha=-lr)


def run_graph(s, batches, a):
    offsets = torch.tensor(np.concatenate([[0], np.cumsum(s.rows)[:-1]])).cuda()
    table = torch.empty(sum(s.rows), s.width, device="cuda").uniform_(-0.01, 0.01)
    net, params = Net(s).cuda(), None
    params = list(net.parameters())
    data = [(d.cuda(), (i.cuda() + offsets), y.cuda()) for d, i, y in batches]
    dense, ids, label = (torch.empty_like(t) for t in data[0])
    loss_out = torch.zeros((), device="cuda")
    with torch.no_grad():
        for to, source in zip((dense, ids, label), data[0]):
            to.copy_(source)

    def step():
        rows = table[ids].requires_grad_()
        loss = nn.functional.binary_cross_entropy_with_logits(net(dense, rows), label)
        grads = torch.autograd.grad(loss, [rows] + params)
        with torch.no_grad():
            loss_out.copy_(loss)
            table.index_add_(0, ids.flatten(), grads[0].reshape(-1, s.width), alpha=-a.lr)
            torch._foreach_add_(params, list(grads[1:]), alpha=-a.lr)

    graph = capture(step)
    losses = []

    def batch(n):
        for to, source in zip((dense, ids, label), data[n % len(data)]):
            to.copy_(source)
        graph.replay()
        if n < 16:
            losses.append(float(loss_out))

    def segment():
        torch.cuda.synchronize()
        start = time.perf_counter()
        for n in range(a.segment):
            for to, source in zip((dense, ids, label), data[n % len(data)]):
                to.copy_(source)
            graph.replay()
        torch.cuda.synchronize()
        return (time.perf_counter() - start) / a.segment

    for n in range(16):
        batch(n)
    segment()
    return [segment() for _ in range(a.repeats)], float(np.mean(losses))


def run_hybrid(s, batches, a):
    tables = nn.ModuleList()
    for n in s.rows:
        weight = torch.full((n, s.width), 0.005)
        tables.append(nn.EmbeddingBag(n, s.width, mode="sum", sparse=True, _weight=weight))
    net = Net(s).cuda()
    dense_optimizer = torch.optim.SGD(net.parameters(), lr=a.lr)
    sparse_optimizer = torch.optim.SGD(tables.parameters(), lr=a.lr)
    count = batches[0][1].numel() // len(s.rows)
    offsets = torch.arange(count)
    losses = []

    def step(n):
        dense, ids, label = batches[n % len(batches)]
        flat = ids.reshape(-1, len(s.rows))
        rows = [table(flat[:, t].contiguous(), offsets).cuda() for t, table in enumerate(tables)]
        stacked = torch.stack(rows, dim=1).view(*ids.shape, s.width)
        loss = nn.functional.binary_cross_entropy_with_logits(net(dense.cuda(), stacked), label.cuda())
        dense_optimizer.zero_grad()
        sparse_optimizer.zero_grad()
        loss.backward()
        dense_optimizer.step()
        sparse_optimizer.step()
        losses.append(float(loss.detach()))

    return time_steps(step, a, 8), float(np.mean(losses[:16]))


def run_tuned(s, batches, a):
    base = torch.tensor(np.concatenate([[0], np.cumsum(s.rows)[:-1]]))
    table = torch.full((sum(s.rows), s.width), 0.005)
    net = Net(s).cuda()
    params = list(net.parameters())
    d0, i0, y0 = batches[0]
    dense, label = torch.empty_like(d0, device="cuda"), torch.empty_like(y0, device="cuda")
    rows = torch.empty(*i0.shape, s.width, device="cuda")
    gradient = torch.empty_like(rows)
    loss_out = torch.zeros((), device="cuda")
    pinned_rows = torch.empty(*i0.shape, s.width, pin_memory=True)
    pinned_gradient = torch.empty_like(pinned_rows, pin_memory=True)
    data = [(d.pin_memory(), (i + base).flatten(), y.pin_memory()) for d, i, y in batches]
    dense.copy_(d0), label.copy_(y0), rows.fill_(0.005)

    def compute():
        leaf = rows.detach().requires_grad_()
        loss = nn.functional.binary_cross_entropy_with_logits(net(dense, leaf), label)
        grads = torch.autograd.grad(loss, [leaf] + params)
        with torch.no_grad():
            loss_out.copy_(loss)
            gradient.copy_(grads[0])
            torch._foreach_add_(params, list(grads[1:]), alpha=-a.lr)

    graph = capture(compute)
    losses = []

    def step(n):
        d, ids, y = data[n % len(data)]
        torch.index_select(table, 0, ids, out=pinned_rows.view(-1, s.width))
        dense.copy_(d, non_blocking=True)
        label.copy_(y, non_blocking=True)
        rows.copy_(pinned_rows, non_blocking=True)
        graph.replay()
        pinned_gradient.copy_(gradient, non_blocking=True)
        torch.cuda.synchronize()
        table.index_add_(0, ids, pinned_gradient.view(-1, s.width), alpha=-a.lr)
        if n < 16:
            losses.append(float(loss_out))

    return time_steps(step, a, 16), float(np.mean(losses[:16]))


def time_steps(step, a, count):
    for n in range(3):
        step(n)
    seconds = []
    for _ in range(a.repeats):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for n in range(count):
            step(n)
        torch.cuda.synchronize()
        seconds.append((time.perf_counter() - start) / count)
    return seconds


def main():
    a = parse()
    torch.manual_seed(1)
    if a.threads:
        torch.set_num_threads(a.threads)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    s = Shape(a.program)
    out = open(a.out, "a") if a.out else None
    for batch in [int(b) for b in a.batch.split(",")]:
        batches = batches_of(s, a.data, batch, a.segment)
        for mode in a.mode.split(","):
            run = {"graph": run_graph, "hybrid": run_hybrid, "tuned": run_tuned}[mode]
            seconds, loss = run(s, batches, a)
            line = {
                "route": f"pytorch-{mode}", "program": s.name, "batch": batch, "milliseconds": statistics.median(seconds) * 1e3,
                "least": min(seconds) * 1e3, "most": max(seconds) * 1e3, "repeats": len(seconds), "loss": loss,
                "torch": torch.__version__, "threads": torch.get_num_threads(),
            }
            print(json.dumps(line), flush=True)
            if out:
                out.write(json.dumps(line) + "\n")
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
