"""Writes test/fixtures/torch/state.json: state dicts by PyTorch as safetensors in base64, with inputs and outputs.

    /usr/bin/python3 scripts/torch_state.py        (Debian's python3-torch)

Inputs are given in the library's layout: channels last.
"""

import base64
import json
import pathlib

import torch
from torch import nn

torch.manual_seed(7)


def safetensors(tensors):
    header, parts, end = {}, [], 0
    for name, tensor in tensors.items():
        data = tensor.contiguous().numpy().tobytes()
        dtype = {torch.float32: "F32", torch.int64: "I64"}[tensor.dtype]
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [end, end + len(data)]}
        end += len(data)
        parts.append(data)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + b"".join(parts)


class Sequence(nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.rnn = cell
        size = cell.hidden_size * (2 if cell.bidirectional else 1)
        self.head = nn.Linear(5 * size, 2)

    def forward(self, x):
        return self.head(self.rnn(x)[0].flatten(1))


class Attention(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.attend = nn.MultiheadAttention(6, 2, batch_first=True, **options)
        self.head = nn.Linear(5 * 6, 2)

    def forward(self, x):
        return self.head(self.attend(x, x, x)[0].flatten(1))


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(11, 4)
        self.norm = nn.LayerNorm(4, eps=1e-3)
        self.conv = nn.Conv1d(4, 3, 2)
        self.head = nn.Linear(3 * 4, 2)

    def forward(self, x):
        return self.head(self.conv(self.norm(self.words(x.long())).transpose(1, 2)).flatten(1))


image = nn.Sequential(
    nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(4, eps=1e-3), nn.MaxPool2d(2),
    nn.Conv2d(4, 4, 3, groups=2), nn.PReLU(4), nn.Flatten(),
    nn.Linear(4 * 2 * 3, 6), nn.BatchNorm1d(6, eps=1e-3), nn.Linear(6, 3), nn.Softmax(1),
)
volume = nn.Sequential(
    nn.Conv2d(3, 6, 3, groups=3), nn.GroupNorm(2, 6, eps=1e-3), nn.ConvTranspose2d(6, 2, 3, stride=2),
    nn.Flatten(), nn.BatchNorm1d(2 * 5 * 5, eps=1e-3), nn.Linear(2 * 5 * 5, 4), nn.Tanh(),
)
models = {
    "image": (image, torch.randn(3, 2, 8, 10)),
    "depthwise": (volume, torch.randn(2, 3, 4, 4)),
    "lstm": (Sequence(nn.LSTM(3, 4, batch_first=True)), torch.randn(2, 5, 3)),
    "gru": (Sequence(nn.GRU(3, 4, batch_first=True)), torch.randn(2, 5, 3)),
    "simpleRnn": (Sequence(nn.RNN(3, 4, batch_first=True)), torch.randn(2, 5, 3)),
    "bidirectional": (Sequence(nn.GRU(3, 4, batch_first=True, bidirectional=True)), torch.randn(2, 5, 3)),
    "stacked": (Sequence(nn.LSTM(3, 4, num_layers=2, batch_first=True)), torch.randn(2, 5, 3)),
    "reluRnn": (Sequence(nn.RNN(3, 4, nonlinearity="relu", batch_first=True)), torch.randn(2, 5, 3)),
    "bidirectionalLstm": (Sequence(nn.LSTM(3, 4, batch_first=True, bidirectional=True)), torch.randn(2, 5, 3)),
    "attention": (Attention(), torch.randn(2, 5, 6)),
    "attentionWithoutBias": (Attention(bias=False), torch.randn(2, 5, 6)),
    "encoder": (
        nn.Sequential(nn.TransformerEncoderLayer(6, 2, 8, batch_first=True), nn.Flatten(), nn.Linear(5 * 6, 2)),
        torch.randn(2, 5, 6),
    ),
    "encoderNormFirst": (
        nn.Sequential(
            nn.TransformerEncoderLayer(6, 3, 8, batch_first=True, norm_first=True), nn.Flatten(), nn.Linear(5 * 6, 2)
        ),
        torch.randn(2, 5, 6),
    ),
    "line": (
        nn.Sequential(
            nn.Conv1d(2, 4, 3, groups=2), nn.InstanceNorm1d(4, eps=1e-3, affine=True), nn.ConvTranspose1d(4, 3, 2, stride=2),
            nn.BatchNorm1d(3, eps=1e-3), nn.Flatten(), nn.Linear(3 * 12, 2),
        ),
        torch.randn(2, 2, 8),
    ),
    "volume": (
        nn.Sequential(
            nn.Conv3d(2, 4, 2), nn.GroupNorm(2, 4, eps=1e-3), nn.ReLU(), nn.ConvTranspose3d(4, 2, 2), nn.PReLU(),
            nn.Flatten(), nn.Linear(2 * 3 * 4 * 5, 2, bias=False),
        ),
        torch.randn(2, 2, 3, 4, 5),
    ),
    "words": (Words(), torch.randint(0, 11, (3, 5)).float()),
}
out = {}
for name, (model, x) in models.items():
    for _ in range(2 if name in ("image", "depthwise", "line") else 0):
        model(torch.randn_like(x) * 2 + 1)  # moves the statistics
    model.eval()
    y = model(x).detach()  # with gradients: without them PyTorch 1.13 fails on attention that has no bias
    places = x.dim() > 3 or name == "line"
    ours = x.movedim(1, -1) if places else x
    out[name] = {
        "file": base64.b64encode(safetensors(model.state_dict())).decode(),
        "x": ours.flatten(1).tolist(),
        "y": y.tolist(),
    }
pathlib.Path("test/fixtures/torch/state.json").write_text(json.dumps(out) + "\n")
