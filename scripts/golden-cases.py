#!/usr/bin/env python3
"""Records golden cases of DCNv2 and DeepFM in PyTorch: test/golden/README.md says what a case holds.

    /usr/bin/python3 scripts/golden-cases.py test/golden

Needs PyTorch (Debian: python3-torch), nothing else. The models are written here in PyTorch's own layers and trained by autograd,
so that nothing but the formulas is shared with the programs in packages/models.
"""
import copy
import json
import os
import struct
import sys

import torch
from torch import nn

torch.set_num_threads(1)


def mlp(first, sizes):
    """Linear layers with ReLU between them, numbered as a Sequential."""
    layers = []
    for i, m in enumerate(sizes):
        layers.append(nn.Linear(first, m))
        if i + 1 < len(sizes):
            layers.append(nn.ReLU())
        first = m
    return nn.Sequential(*layers)


class Tables(nn.Module):
    def __init__(self, rows, width):
        super().__init__()
        self.emb_l = nn.ModuleList(nn.Embedding(n, width) for n in rows)

    def pooled(self, ids):
        return torch.stack([table(ids[:, t]) for t, table in enumerate(self.emb_l)], 1)


class Cross(nn.Module):
    def __init__(self, n, rank):
        super().__init__()
        self.v = nn.Linear(n, rank, bias=False)
        self.w = nn.Linear(rank, n)


class Dcnv2(Tables):
    """Wang et al. 2020, low-rank: x_(l+1) = x_0 * (W V x_l + b) + x_l."""

    def __init__(self, c):
        super().__init__(c["tables"], c["embedding_dim"])
        self.bot_l = mlp(c["bottom_mlp"][0], c["bottom_mlp"][1:])
        n = (len(c["tables"]) + 1) * c["embedding_dim"]
        self.cross = nn.ModuleList(Cross(n, c["cross_rank"]) for _ in range(c["cross_layers"]))
        self.parallel = c["structure"] == "parallel"
        self.top_l = mlp(n, c["top_mlp"][:-1] if self.parallel else c["top_mlp"])
        if self.parallel:
            self.head = nn.Linear(n + c["top_mlp"][-2], 1)

    def forward(self, dense, ids):
        x0 = torch.cat([torch.relu(self.bot_l(dense)), self.pooled(ids).flatten(1)], 1)
        x = x0
        for layer in self.cross:
            x = x0 * layer.w(layer.v(x)) + x
        if not self.parallel:
            return self.top_l(x)
        return self.head(torch.cat([x, torch.relu(self.top_l(x0))], 1))


class DeepFm(Tables):
    """Guo et al. 2017; the second-order term as the sum over pairs, the dense features as one field."""

    def __init__(self, c):
        width = c["embedding_dim"]
        super().__init__(c["tables"], width)
        features = c["dense_features"]
        self.first_order = nn.Linear(features, 1)
        self.dense_vector = nn.Linear(features, width - 1, bias=False)
        self.deep = mlp((len(c["tables"]) + 1) * (width - 1), c["top_mlp"])

    def forward(self, dense, ids):
        rows = self.pooled(ids)
        fields = torch.cat([self.dense_vector(dense).unsqueeze(1), rows[:, :, 1:]], 1)
        pairs = 0
        for i in range(fields.shape[1]):
            for j in range(i):
                pairs = pairs + (fields[:, i] * fields[:, j]).sum(1, keepdim=True)
        return self.first_order(dense) + rows[:, :, 0].sum(1, keepdim=True) + pairs + self.deep(fields.flatten(1))


def optimizer(name, parameters, lr):
    return torch.optim.SGD(parameters, lr) if name == "sgd" else torch.optim.Adagrad(parameters, lr)


def train(model, c, batches):
    """Losses before each update, predictions, and the gradients of the first step."""
    steps = optimizer(c["optimizer"], model.parameters(), c["lr"])
    losses, predictions, gradients = [], [], {}
    for dense, ids, labels in batches:
        steps.zero_grad()
        p = torch.sigmoid(model(dense.to(model.emb_l[0].weight.dtype), ids))
        loss = nn.functional.binary_cross_entropy(p, labels.to(p.dtype))
        loss.backward()
        if not losses:
            gradients = {n: v.grad.detach().clone() for n, v in model.named_parameters()}
        losses.append(loss.item())
        predictions.append(p.detach().clone())
        steps.step()
    return losses, predictions, gradients


def draw_batches(c, generator):
    features = c["bottom_mlp"][0] if "bottom_mlp" in c else c["dense_features"]
    batches = []
    for _ in range(c["steps"]):
        dense = torch.rand(c["batch"], features, generator=generator)
        ids = torch.stack([torch.randint(n, (c["batch"],), generator=generator) for n in c["tables"]], 1)
        labels = (torch.rand(c["batch"], 1, generator=generator) < 0.3 + 0.4 * dense[:, :1]).float()
        batches.append((dense, ids, labels))
    return batches


def save(path, tensors):
    types = {torch.float32: "F32", torch.int32: "I32", torch.int64: "I64"}
    header, data = {}, b""
    for name, t in tensors.items():
        flat = t.contiguous().flatten().tolist()
        code = {torch.float32: "f", torch.int32: "i", torch.int64: "q"}[t.dtype]
        raw = struct.pack(f"<{len(flat)}{code}", *flat)
        header[name] = {"dtype": types[t.dtype], "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def record(directory, name, make, c):
    generator = torch.Generator().manual_seed(7)
    torch.manual_seed(7)
    model = make(c)
    for table in model.emb_l:
        nn.init.uniform_(table.weight, -table.num_embeddings**-0.5, table.num_embeddings**-0.5)
    batches = draw_batches(c, generator)
    doubled = copy.deepcopy(model).double()
    tensors = {f"init.{n}": v.detach().clone() for n, v in model.named_parameters()}
    losses, predictions, gradients = train(model, c, batches)
    losses64, _, _ = train(doubled, c, batches)
    tensors.update({f"grad0.{n}": v for n, v in gradients.items()})
    tensors.update({f"final.{n}": v.detach() for n, v in model.named_parameters()})
    for k, (dense, ids, labels) in enumerate(batches):
        tensors.update({f"step{k}.dense": dense, f"step{k}.sparse": ids.int(), f"step{k}.label": labels, f"step{k}.pred": predictions[k]})
    weights = [(a.double() - b).abs().max().item() for a, b in zip(model.parameters(), doubled.parameters())]
    case = {**c, "losses": losses, "losses_float64": losses64}
    case["float32_against_float64"] = {"max_abs_loss": max(abs(a - b) for a, b in zip(losses, losses64)), "max_abs_weight": max(weights)}
    folder = os.path.join(directory, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "case.json"), "w") as file:
        file.write(json.dumps(case, indent=2) + "\n")
    save(os.path.join(folder, "tensors.safetensors"), tensors)
    print(name, losses[0], losses[-1], case["float32_against_float64"])


def main(directory):
    sizes = {"tables": [7, 50, 20], "batch": 16, "steps": 50}
    cross = {"model": "dcnv2", **sizes, "embedding_dim": 4, "bottom_mlp": [3, 8, 4], "top_mlp": [12, 1], "cross_layers": 2, "cross_rank": 5}
    record(directory, "dcnv2-stacked-sgd", Dcnv2, {**cross, "structure": "stacked", "optimizer": "sgd", "lr": 0.1})
    record(directory, "dcnv2-parallel-adagrad", Dcnv2, {**cross, "structure": "parallel", "optimizer": "adagrad", "lr": 0.02})
    fm = {"model": "deepfm", **sizes, "embedding_dim": 5, "dense_features": 3, "top_mlp": [12, 6, 1]}
    record(directory, "deepfm-sgd", DeepFm, {**fm, "optimizer": "sgd", "lr": 0.1})
    record(directory, "deepfm-adagrad", DeepFm, {**fm, "optimizer": "adagrad", "lr": 0.02})


main(sys.argv[1])
