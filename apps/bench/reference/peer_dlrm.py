"""Trains a DLRM in PyTorch on prepared rows and prints one JSON object: losses, seconds per step, versions.

The model is either our own plain nn.EmbeddingBag + nn.Linear module, or, with --checkout, the DLRM_Net class of a
checkout of facebookresearch/dlrm. Same data, same initial weights (--init, safetensors), same batches as the other side
of the comparison. Batches are decoded before the clock starts, which favours PyTorch.

    python3 peer_dlrm.py --rows train.rows --tables 1460,583 --dense 13 --width 16 \
        --bottom 13,512,256,64,16 --top 512,256,1 --batch 1024 --steps 50 --lr 0.1 --threads 1 --device cpu
"""

import argparse
import contextlib
import json
import os
import struct
import sys
import time
import types

import numpy as np
import torch
from torch import nn


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--rows", required=True)
    p.add_argument("--tables", required=True, help="rows per table, comma separated")
    p.add_argument("--dense", type=int, required=True)
    p.add_argument("--dense-encoding", choices=["int32-log1p", "float32"], default="int32-log1p")
    p.add_argument("--width", type=int, required=True)
    p.add_argument("--bottom", required=True)
    p.add_argument("--top", required=True, help="hidden and last sizes, without the computed input width")
    p.add_argument("--batch", type=int, default=1024)
    p.add_argument("--steps", type=int, default=50)
    p.add_argument("--warm-up", type=int, default=0)
    p.add_argument("--lr", type=float, default=0.1)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--device", choices=["cpu", "hybrid"], default="cpu", help="hybrid: tables on the CPU, MLPs on the GPU")
    p.add_argument("--init", help="safetensors file with the reference's parameter names")
    p.add_argument("--checkout", help="folder of facebookresearch/dlrm")
    return p.parse_args()


def numbers(text):
    return [int(n) for n in text.split(",")]


def read_safetensors(path):
    with open(path, "rb") as f:
        (length,) = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(length))
        base = 8 + length
        tensors = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            if entry["dtype"] != "F32":
                continue
            start, end = entry["data_offsets"]
            f.seek(base + start)
            tensors[name] = np.frombuffer(f.read(end - start), dtype="<f4").reshape(entry["shape"]).copy()
    return tensors


def mlp(sizes, sigmoid_at_end):
    layers = []
    for k, m in zip(sizes[:-1], sizes[1:]):
        layers += [nn.Linear(k, m), nn.ReLU()]
    if sigmoid_at_end:
        layers[-1] = nn.Sigmoid()
    return nn.Sequential(*layers)


class Dlrm(nn.Module):
    """emb_l, bot_l, top_l: the reference's parameter names, so that one weight file fits both."""

    def __init__(self, tables, width, bottom, top):
        super().__init__()
        self.emb_l = nn.ModuleList([nn.EmbeddingBag(n, width, mode="sum", sparse=True) for n in tables])
        self.bot_l = mlp(bottom, False)
        features = len(tables) + 1
        self.top_l = mlp([width + features * (features - 1) // 2] + top, True)
        i, j = np.tril_indices(features, -1)
        self.register_buffer("i", torch.tensor(i), persistent=False)
        self.register_buffer("j", torch.tensor(j), persistent=False)

    def forward(self, dense, offsets, ids, device):
        rows = [table(ids[t], offsets[t]) for t, table in enumerate(self.emb_l)]
        x = self.bot_l(dense)
        stacked = torch.stack([x] + [r.to(device) for r in rows], dim=1)
        dots = torch.bmm(stacked, stacked.transpose(1, 2))[:, self.i, self.j]
        return self.top_l(torch.cat([x, dots], dim=1))


def checkout_model(path, tables, width, bottom, top):
    """DLRM_Net of a checkout. Modules that its import needs and a training step never calls may be missing here."""
    sys.path.insert(0, path)
    if not os.path.exists(os.path.join(path, "dlrm_s_pytorch.py")):
        sys.exit(f"{path} has no dlrm_s_pytorch.py: give a checkout of facebookresearch/dlrm")
    for name, attributes in {
        "mlperf_logger": [], "sklearn": ["metrics"], "sklearn.metrics": [], "onnx": [], "tqdm": ["tqdm"],
        "torch.utils.tensorboard": ["SummaryWriter"], "dlrm_data_pytorch": [], "extend_distributed": [],
    }.items():
        try:
            with contextlib.redirect_stdout(sys.stderr):
                __import__(name)
        except Exception:
            module = types.ModuleType(name)
            for attribute in attributes:
                setattr(module, attribute, None)
            if name == "extend_distributed":
                module.my_size = 1
            sys.modules[name] = module
    with contextlib.redirect_stdout(sys.stderr):
        import dlrm_s_pytorch as dlrm

    features = len(tables) + 1
    full_top = [width + features * (features - 1) // 2] + top
    # Table rows are drawn here in float32: the reference draws them in float64 and needs twice the memory for a moment.
    net = dlrm.DLRM_Net(
        width, np.array([1] * len(tables)), np.array(bottom), np.array(full_top), "dot",
        sigmoid_bot=-1, sigmoid_top=len(full_top) - 2, ndevices=-1,
    )
    for t, n in enumerate(tables):
        net.emb_l[t] = nn.EmbeddingBag(n, width, mode="sum", sparse=True)
        bound = float(np.sqrt(1 / n))
        nn.init.uniform_(net.emb_l[t].weight, -bound, bound)
    return net


def gemm_gflops():
    """Rate of one float32 matrix product on the CPU: tells a slow BLAS from a slow model."""
    a, b = torch.rand(1024, 512), torch.rand(512, 256)
    best = 1e9
    for _ in range(10):
        start = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - start)
    return 2 * 1024 * 512 * 256 / best / 1e9


def main():
    a = parse()
    tables, bottom, top = numbers(a.tables), numbers(a.bottom), numbers(a.top)
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    device = torch.device("cuda" if a.device == "hybrid" else "cpu")
    if a.device == "hybrid" and not torch.cuda.is_available():
        sys.exit("--device hybrid needs a GPU that this torch can use")

    stride = 1 + a.dense + len(tables)
    need = a.batch * a.steps * stride
    words = np.fromfile(a.rows, dtype="<i4", count=need)
    if words.size < need:
        sys.exit(f"{a.rows} holds {words.size // stride} inputs, {a.batch * a.steps} are needed: lower --steps or --batch")
    words = words.reshape(a.steps, a.batch, stride)
    dense = words[:, :, 1 : 1 + a.dense]
    if a.dense_encoding == "int32-log1p":
        dense = np.log(dense.astype(np.float32) + 1)
    else:
        dense = np.ascontiguousarray(dense).view(np.float32)
    dense = [torch.tensor(d) for d in dense]
    ids = [torch.tensor(w[:, 1 + a.dense :].T.astype(np.int64)) for w in words]
    labels = [torch.tensor(w[:, :1].astype(np.float32)) for w in words]
    offsets = torch.arange(a.batch).repeat(len(tables), 1)

    if a.checkout:
        net = checkout_model(a.checkout, tables, a.width, bottom, top)
    else:
        net = Dlrm(tables, a.width, bottom, top)
        for n, table in zip(tables, net.emb_l):
            bound = float(np.sqrt(1 / n))
            nn.init.uniform_(table.weight, -bound, bound)
    if a.init:
        given = read_safetensors(a.init)
        own = dict(net.named_parameters())
        missing = sorted(set(own) - set(given))
        if missing:
            sys.exit(f"{a.init} lacks {missing[:3]}")
        with torch.no_grad():
            for name, parameter in own.items():
                parameter.copy_(torch.tensor(given[name]))
    if a.device == "hybrid":
        net.bot_l.to(device)
        net.top_l.to(device)
        if not a.checkout:
            net.i, net.j = net.i.to(device), net.j.to(device)
    optimizer = torch.optim.SGD(net.parameters(), lr=a.lr)
    bce = nn.BCELoss()

    def forward(step):
        if not a.checkout:
            return net(dense[step].to(device), offsets, ids[step], device)
        if a.device == "cpu":
            return net(dense[step], offsets, ids[step])
        rows = [r.to(device) for r in net.apply_emb(offsets, ids[step], net.emb_l, net.v_W_l)]
        x = net.apply_mlp(dense[step].to(device), net.bot_l)
        return net.apply_mlp(net.interact_features(x, rows), net.top_l)

    losses, seconds = [], []
    for step in range(a.steps):
        if a.device == "hybrid":
            torch.cuda.synchronize()
        start = time.perf_counter()
        loss = bce(forward(step), labels[step].to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if a.device == "hybrid":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({
        "gemm_gflops": gemm_gflops(),
        "model": "facebookresearch/dlrm" if a.checkout else "own module",
        "torch": torch.__version__, "threads": a.threads, "device": str(device),
        "losses": losses, "seconds": seconds[a.warm_up :],
    }))


main()
