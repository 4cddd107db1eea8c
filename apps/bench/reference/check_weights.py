"""Loads exported weights into PyTorch's DLRM_Net or TBSM_Net, strictly, and compares its predictions with recorded scores.

All sizes come from the weights. Prints one JSON object: the model, its inputs and the largest difference.

    python3 check_weights.py --weights model.safetensors --rows test.rows --scores scores.tsv --dlrm dlrm [--tbsm tbsm]
"""

import argparse
import json
import struct

import numpy as np
import peer_common as common
import torch


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--weights", required=True, help="safetensors, as `fae export` writes it")
    p.add_argument("--rows", required=True, help="prepared inputs, unpacked")
    p.add_argument("--dense-encoding", choices=["int32-log1p", "float32"], default="float32")
    p.add_argument("--scores", required=True, help="what `fae predict` wrote for these inputs")
    p.add_argument("--dlrm", required=True, help="folder of facebookresearch/dlrm")
    p.add_argument("--tbsm", help="folder of facebookresearch/tbsm, for its models")
    return p.parse_args()


def read_weights(path):
    with open(path, "rb") as f:
        (length,) = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(length))
        data = f.read()
    state = {}
    for name, tensor in header.items():
        if name != "__metadata__":
            start, end = tensor["data_offsets"]
            state[name] = torch.tensor(np.frombuffer(data[start:end], dtype="<f4").reshape(tensor["shape"]))
    return state


def sizes(state, mlp):
    """Sizes of an MLP's values, first to last."""
    layers = sorted(int(n[len(mlp) + 1 :].split(".")[0]) for n in state if n.startswith(mlp + ".") and n.endswith("weight"))
    shapes = [state[f"{mlp}.{layer}.weight"].shape for layer in layers]
    return np.array([shapes[0][1]] + [shape[0] for shape in shapes])


def tables(state, prefix):
    shapes = [state[f"{prefix}emb_l.{t}.weight"].shape for t in range(sum(n.startswith(prefix + "emb_l.") for n in state))]
    return np.array([rows for rows, _ in shapes]), shapes[0][1]


def interaction(rows, width, top):
    """The interaction whose output the top MLP takes."""
    v = len(rows) + 1
    widths = {v * width: ("cat", False), width + v * (v - 1) // 2: ("dot", False), width + v * (v + 1) // 2: ("dot", True)}
    return widths[top[0]]


def dlrm_net(a, state):
    rows, width = tables(state, "")
    top = sizes(state, "top_l")
    op, itself = interaction(rows, width, top)
    dlrm = common.import_dlrm(a.dlrm)
    return dlrm.DLRM_Net(width, rows, sizes(state, "bot_l"), top, op, itself, sigmoid_bot=-1, sigmoid_top=len(top) - 2)


def tbsm_net(a, state):
    rows, width = tables(state, "dlrm.")
    top = sizes(state, "dlrm.top_l")
    op, itself = interaction(rows, width, top)
    heads = len({n.split(".")[1] for n in state if n.startswith("mlps.")})
    attention = sizes(state, "ams.0.mlp")
    dlrm = common.import_dlrm(a.dlrm)
    tbsm = common.import_from(
        a.tbsm,
        "tbsm_pytorch",
        {
            "sklearn": {"metrics": None},
            "sklearn.metrics": {"roc_auc_score": None},
            "torch.utils.tensorboard": {"SummaryWriter": None},
            "tbsm_data_pytorch": {},
        },
    )
    # Its script sets these two as globals before it builds a model.
    tbsm.dlrm = dlrm
    tbsm.args = argparse.Namespace(run_fast=False)
    return tbsm.TBSM_Net(
        width, rows, sizes(state, "dlrm.bot_l"), top, op, itself, sizes(state, "mlps.0"), attention[1:-1], "dot", "mlp",
        int(attention[0]), model_type="tsl", tsl_num_heads=heads,
    )  # fmt: skip


def main():
    a = parse()
    torch.set_num_threads(1)
    state = read_weights(a.weights)
    is_tbsm = "dlrm.bot_l.0.weight" in state
    net = tbsm_net(a, state) if is_tbsm else dlrm_net(a, state)
    net.load_state_dict(state, strict=True)

    expected = np.loadtxt(a.scores, ndmin=2)[:, 1]
    prefix = "dlrm." if is_tbsm else ""
    rows, _ = tables(state, prefix)
    steps = int(sizes(state, "ams.0.mlp")[0]) + 1 if is_tbsm else 1
    layout = argparse.Namespace(
        rows=a.rows, dense=int(sizes(state, prefix + "bot_l")[0]), dense_encoding=a.dense_encoding, batch=len(expected), steps=1
    )
    _, dense, ids = common.read_rows(layout, len(rows), steps)
    x = [torch.from_numpy(np.ascontiguousarray(dense[0][:, s])) for s in range(steps)]
    indices = [[torch.from_numpy(np.ascontiguousarray(ids[0][:, s, t])) for t in range(len(rows))] for s in range(steps)]
    offsets = [[torch.arange(len(expected))] * len(rows)] * steps
    with torch.no_grad():
        if is_tbsm:
            found = net(x, offsets, indices)
        else:
            found = net(x[0], torch.stack(offsets[0]), torch.stack(indices[0]))
    difference = float(np.abs(found.numpy().reshape(-1) - expected).max())
    print(json.dumps({"model": type(net).__name__, "torch": torch.__version__, "inputs": len(expected), "difference": difference}))


main()
