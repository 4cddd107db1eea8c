"""Trains a TBSM in PyTorch on prepared rows and prints one JSON object: losses, seconds per step, versions.

The model is either our own module (the tower runs once over all steps of the sequence), or, with --checkout, the TBSM_Net
class of a checkout of facebookresearch/tbsm, which builds on DLRM_Net: --dlrm names a checkout of facebookresearch/dlrm.

    python3 peer_tbsm.py --rows train.rows --tables 987994,4162024,9439 --dense 1 --dense-encoding float32 --width 16 \
        --bottom 1,16 --top 15,15 --attention 15,15 --head 60,1 --history 20 --batch 256 --steps 50 --lr 0.05
"""

import argparse
import sys

import numpy as np
import peer_common as common
import torch
from torch import nn
from torch.nn import functional


def parse():
    p = argparse.ArgumentParser()
    common.add_arguments(p)
    p.add_argument("--history", type=int, required=True, help="steps before the candidate")
    p.add_argument("--attention", required=True, help="hidden sizes of the attention MLP")
    p.add_argument("--head", required=True, help="sizes over context and candidate, the last is 1")
    p.add_argument("--checkout", help="folder of facebookresearch/tbsm")
    p.add_argument("--dlrm", help="folder of facebookresearch/dlrm, needed by --checkout")
    return p.parse_args()


class Tower(nn.Module):
    def __init__(self, tables, width, bottom, top):
        super().__init__()
        self.emb_l = nn.ModuleList([common.draw_table(n, width) for n in tables])
        self.bot_l = common.mlp(bottom, None)
        features = len(tables) + 1
        self.top_l = common.mlp([width + features * (features - 1) // 2] + top, None)
        self.i, self.j = np.tril_indices(features, -1)

    def forward(self, dense, offsets, ids):
        x = self.bot_l(dense)
        stacked = torch.stack([x] + [table(ids[t], offsets) for t, table in enumerate(self.emb_l)], dim=1)
        dots = torch.bmm(stacked, stacked.transpose(1, 2))[:, self.i, self.j]
        return self.top_l(torch.cat([x, dots], dim=1))


class Layer(nn.Module):
    """Time-series layer, inner product "def": weights of the history from q = A^T A w, an MLP ending in a sigmoid."""

    def __init__(self, width, history, attention):
        super().__init__()
        self.A = nn.Parameter(torch.randn(1, width, width) * (2 / (2 * width)) ** 0.5)
        self.mlp = common.mlp([history] + attention + [history], nn.Sigmoid())

    def forward(self, history, candidate):
        query = candidate @ self.A[0].t() @ self.A[0]
        weights = self.mlp(torch.bmm(history, query.unsqueeze(2)).squeeze(2))
        return torch.bmm(weights.unsqueeze(1), history).squeeze(1)


class Tbsm(nn.Module):
    """dlrm, ams, mlps: the reference's parameter names, so that one weight file fits both."""

    def __init__(self, tables, width, bottom, top, history, attention, head):
        super().__init__()
        self.dlrm = Tower(tables, width, bottom, top)
        self.ams = nn.ModuleList([Layer(top[-1], history, attention)])
        self.mlps = nn.ModuleList([common.mlp([2 * top[-1]] + head, nn.Sigmoid())])

    def forward(self, dense, offsets, ids):
        batch, steps = dense.shape[:2]
        flat = self.dlrm(dense.reshape(batch * steps, -1), offsets, ids.permute(2, 0, 1).reshape(ids.shape[2], -1))
        vectors = functional.normalize(flat.reshape(batch, steps, -1), dim=2)
        history, candidate = vectors[:, :-1], vectors[:, -1]
        return self.mlps[0](torch.cat([self.ams[0](history, candidate), candidate], dim=1))


def checkout_model(a, tables, bottom, top, attention, head):
    """TBSM_Net of a checkout, with its own fast path over the sequence."""
    if not a.dlrm:
        sys.exit("--checkout needs --dlrm: TBSM_Net is built from the DLRM_Net of a checkout of facebookresearch/dlrm")
    dlrm = common.import_dlrm(a.dlrm)
    tbsm = common.import_from(
        a.checkout,
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
    tbsm.args = argparse.Namespace(run_fast=True)
    features = len(tables) + 1
    full_top = np.array([a.width + features * (features - 1) // 2] + top)
    net = tbsm.TBSM_Net(
        a.width, np.array([1] * len(tables)), np.array(bottom), full_top, "dot", False,
        np.array([2 * top[-1]] + head), np.array(attention), "dot", "mlp", a.history, model_type="tsl",
    )
    for t, n in enumerate(tables):
        net.dlrm.emb_l[t] = common.draw_table(n, a.width)
    return net


def main():
    a = parse()
    sizes = [common.numbers(text) for text in (a.tables, a.bottom, a.top, a.attention, a.head)]
    tables, bottom, top, attention, head = sizes
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    device = torch.device("cpu")
    steps = a.history + 1
    labels, dense, ids = common.read_rows(a, len(tables), steps)
    if a.checkout:
        net = checkout_model(a, tables, bottom, top, attention, head)
        offsets = torch.arange(a.batch)
        xs = [[torch.from_numpy(np.ascontiguousarray(d[:, s])) for s in range(steps)] for d in dense]
        indices = [
            [[torch.from_numpy(np.ascontiguousarray(i[:, s, t])) for t in range(len(tables))] for s in range(steps)]
            for i in ids
        ]
        starts = [[offsets] * len(tables)] * steps

        def forward(step):
            return net(xs[step], starts, indices[step])
    else:
        net = Tbsm(tables, a.width, bottom, top, a.history, attention, head)
        offsets = torch.arange(a.batch * steps)
        xs = [torch.from_numpy(d) for d in dense]
        indices = [torch.from_numpy(i) for i in ids]

        def forward(step):
            return net(xs[step], offsets, indices[step])

    if a.init:
        common.load_weights(a.init, net)
    common.train(a, net, forward, labels, device, "facebookresearch/tbsm" if a.checkout else "own module")


main()
