"""What the PyTorch peers share: prepared rows, safetensors weights, stand-ins for modules, the timed loop."""

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


def numbers(text):
    return [int(n) for n in text.split(",")]


def add_arguments(p):
    p.add_argument("--rows", required=True, help="prepared inputs, fixed stride")
    p.add_argument("--tables", required=True, help="rows per table, comma separated")
    p.add_argument("--dense", type=int, required=True)
    p.add_argument("--dense-encoding", choices=["int32-log1p", "float32"], default="int32-log1p")
    p.add_argument("--width", type=int, required=True)
    p.add_argument("--bottom", required=True)
    p.add_argument("--top", required=True, help="hidden and last sizes, without the computed input width")
    p.add_argument("--batch", type=int, default=1024)
    p.add_argument("--steps", type=int, default=50)
    p.add_argument("--warm-up", type=int, default=0)
    p.add_argument("--optimizer", choices=["sgd", "adagrad"], default="sgd")
    p.add_argument("--lr", type=float, default=0.1)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--init", help="safetensors file with the reference's parameter names")


def read_rows(a, tables, steps_of_sequence):
    """Labels [batch, 1], dense [batch, S, F] and ids [batch, S, T] of every step; S is 1 without a sequence."""
    per_step = a.dense + tables
    stride = 1 + steps_of_sequence * per_step
    need = a.batch * a.steps * stride
    words = np.fromfile(a.rows, dtype="<i4", count=need)
    if words.size < need:
        sys.exit(f"{a.rows} holds {words.size // stride} inputs, {a.batch * a.steps} are needed: lower --steps or --batch")
    words = words.reshape(a.steps, a.batch, stride)
    labels = words[:, :, :1].astype(np.float32)
    groups = words[:, :, 1:].reshape(a.steps, a.batch, steps_of_sequence, per_step)
    dense = np.ascontiguousarray(groups[..., : a.dense])
    if a.dense_encoding == "int32-log1p":
        dense = np.log(dense.astype(np.float32) + 1)
    else:
        dense = dense.view(np.float32)
    ids = np.ascontiguousarray(groups[..., a.dense :].astype(np.int64))
    return labels, dense, ids


def load_weights(path, module):
    """Copies the tensors of a safetensors file into the parameters of the same names, one at a time."""
    with open(path, "rb") as f:
        (length,) = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(length))
        own = dict(module.named_parameters())
        missing = sorted(set(own) - set(header))
        if missing:
            sys.exit(f"{path} lacks {missing[:3]}")
        with torch.no_grad():
            for name, parameter in own.items():
                start, end = header[name]["data_offsets"]
                f.seek(8 + length + start)
                values = np.fromfile(f, dtype="<f4", count=(end - start) // 4)
                parameter.copy_(torch.from_numpy(values.reshape(parameter.shape)))


def draw_table(rows, width):
    table = nn.EmbeddingBag(rows, width, mode="sum", sparse=True)
    bound = float(np.sqrt(1 / rows))
    nn.init.uniform_(table.weight, -bound, bound)
    return table


def mlp(sizes, last):
    """Linear layers with ReLU between them and `last` (a module, or None for ReLU) at the end."""
    layers = []
    for k, m in zip(sizes[:-1], sizes[1:]):
        layers += [nn.Linear(k, m), nn.ReLU()]
    if last is not None:
        layers[-1] = last
    return nn.Sequential(*layers)


def import_from(folder, module, stand_ins):
    """Imports a module of a checkout. Modules that only its import needs, never a training step, may be missing here."""
    if not os.path.exists(os.path.join(folder, module + ".py")):
        sys.exit(f"{folder} has no {module}.py: give the folder of the checkout that holds it")
    sys.path.insert(0, folder)
    for name, attributes in stand_ins.items():
        try:
            with contextlib.redirect_stdout(sys.stderr):
                __import__(name)
        except Exception:
            fake = types.ModuleType(name)
            for key, value in attributes.items():
                setattr(fake, key, value)
            sys.modules[name] = fake
    with contextlib.redirect_stdout(sys.stderr):
        return __import__(module)


def import_dlrm(folder):
    return import_from(
        folder,
        "dlrm_s_pytorch",
        {
            "mlperf_logger": {},
            "sklearn": {"metrics": None},
            "sklearn.metrics": {"roc_auc_score": None},
            "onnx": {},
            "tqdm": {"tqdm": None},
            "torch.utils.tensorboard": {"SummaryWriter": None},
            "dlrm_data_pytorch": {},
            "extend_distributed": {"my_size": 1},
        },
    )


def gemm_gflops():
    """Rate of one float32 matrix product on the CPU: tells a slow BLAS from a slow model."""
    a, b = torch.rand(1024, 512), torch.rand(512, 256)
    best = 1e9
    for _ in range(10):
        start = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - start)
    return 2 * 1024 * 512 * 256 / best / 1e9


def train(a, net, forward, labels, device, model):
    """Trains `a.steps` steps, one optimizer step a batch, and prints losses and seconds as one JSON object."""
    if a.optimizer == "sgd":
        optimizer = torch.optim.SGD(net.parameters(), lr=a.lr)
    else:
        optimizer = torch.optim.Adagrad(net.parameters(), lr=a.lr)
    bce = nn.BCELoss()
    labels = [torch.from_numpy(y) for y in labels]
    on_gpu = device.type == "cuda"
    losses, seconds = [], []
    for step in range(a.steps):
        if on_gpu:
            torch.cuda.synchronize()
        start = time.perf_counter()
        loss = bce(forward(step), labels[step].to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if on_gpu:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    print(
        json.dumps(
            {
                "model": model,
                "torch": torch.__version__,
                "threads": a.threads,
                "device": str(device),
                "gemm_gflops": gemm_gflops(),
                "losses": losses,
                "seconds": seconds[a.warm_up :],
            }
        )
    )
