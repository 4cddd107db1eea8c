"""Trains a DLRM in PyTorch on prepared rows and prints one JSON object: losses, seconds per step, versions.

The model is either our own plain nn.EmbeddingBag + nn.Linear module, or, with --checkout, the DLRM_Net class of a
checkout of facebookresearch/dlrm. Same data, same initial weights (--init, safetensors), same batches as the other side
of the comparison. Batches are decoded before the clock starts, which favours PyTorch.

    python3 peer_dlrm.py --rows train.rows --tables 1460,583 --dense 13 --width 16 \
        --bottom 13,512,256,64,16 --top 512,256,1 --batch 1024 --steps 50 --lr 0.1 --threads 1 --device cpu
"""

import argparse
import sys

import numpy as np
import peer_common as common
import torch
from torch import nn


def parse():
    p = argparse.ArgumentParser()
    common.add_arguments(p)
    p.add_argument("--device", choices=["cpu", "hybrid"], default="cpu", help="hybrid: tables on the CPU, MLPs on the GPU")
    p.add_argument("--checkout", help="folder of facebookresearch/dlrm")
    return p.parse_args()


class Dlrm(nn.Module):
    """emb_l, bot_l, top_l: the reference's parameter names, so that one weight file fits both."""

    def __init__(self, tables, width, bottom, top):
        super().__init__()
        self.emb_l = nn.ModuleList([common.draw_table(n, width) for n in tables])
        self.bot_l = common.mlp(bottom, None)
        features = len(tables) + 1
        self.top_l = common.mlp([width + features * (features - 1) // 2] + top, nn.Sigmoid())
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
    """DLRM_Net of a checkout."""
    dlrm = common.import_dlrm(path)
    features = len(tables) + 1
    full_top = [width + features * (features - 1) // 2] + top
    net = dlrm.DLRM_Net(
        width, np.array([1] * len(tables)), np.array(bottom), np.array(full_top), "dot",
        sigmoid_bot=-1, sigmoid_top=len(full_top) - 2, ndevices=-1,
    )
    # Rows are drawn here in float32: the reference draws them in float64 and needs twice the memory for a moment.
    for t, n in enumerate(tables):
        net.emb_l[t] = common.draw_table(n, width)
    return net


def main():
    a = parse()
    tables, bottom, top = (common.numbers(text) for text in (a.tables, a.bottom, a.top))
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    device = torch.device("cuda" if a.device == "hybrid" else "cpu")
    if a.device == "hybrid" and not torch.cuda.is_available():
        sys.exit("--device hybrid needs a GPU that this torch can use")

    labels, dense, ids = common.read_rows(a, len(tables), 1)
    dense = [torch.from_numpy(np.ascontiguousarray(d[:, 0])) for d in dense]
    ids = [torch.from_numpy(np.ascontiguousarray(i[:, 0].T)) for i in ids]
    offsets = torch.arange(a.batch).repeat(len(tables), 1)

    net = (checkout_model(a.checkout, tables, a.width, bottom, top) if a.checkout else Dlrm(tables, a.width, bottom, top))
    if a.init:
        common.load_weights(a.init, net)
    if a.device == "hybrid":
        net.bot_l.to(device)
        net.top_l.to(device)
        if not a.checkout:
            net.i, net.j = net.i.to(device), net.j.to(device)

    def forward(step):
        if not a.checkout:
            return net(dense[step].to(device), offsets, ids[step], device)
        if a.device == "cpu":
            return net(dense[step], offsets, ids[step])
        rows = [r.to(device) for r in net.apply_emb(offsets, ids[step], net.emb_l, net.v_W_l)]
        x = net.apply_mlp(dense[step].to(device), net.bot_l)
        return net.apply_mlp(net.interact_features(x, rows), net.top_l)

    common.train(a, net, forward, labels, device, "facebookresearch/dlrm" if a.checkout else "own module")


main()
