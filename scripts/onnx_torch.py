"""Exports small PyTorch models with torch.onnx.export and records what they give.

    python3 scripts/onnx_torch.py test/formats/onnx/fixtures/torch.json.gz
"""
import base64
import gzip
import io
import json
import sys
import warnings

import torch
from torch import nn

warnings.simplefilter('ignore')
torch.manual_seed(0)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(5, 6, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(12, 3)

    def forward(self, x):
        y, _ = self.rnn(x)
        return self.head(y[:, -1])


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation='gelu')
        self.encoder = nn.TransformerEncoder(layer, 2)

    def forward(self, tokens):
        mask = torch.triu(torch.full((tokens.shape[1], tokens.shape[1]), float('-inf')), diagonal=1)
        return self.encoder(self.embedding(tokens), mask=mask).mean(dim=1)


mlp = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 8), nn.Tanh(), nn.Dropout(), nn.Linear(8, 3), nn.Softmax(-1))
cnn = nn.Sequential(
    nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(4, 6, 3, stride=2, groups=2), nn.BatchNorm2d(6), nn.LeakyReLU(0.1), nn.AdaptiveAvgPool2d(1),
    nn.Flatten(), nn.Linear(6, 10), nn.LogSoftmax(-1),
)
upsampling = nn.Sequential(
    nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1), nn.GroupNorm(3, 3), nn.SiLU(),
    nn.Upsample(scale_factor=2, mode='bilinear'), nn.InstanceNorm2d(3, affine=True), nn.PixelShuffle(1), nn.Hardswish(),
)
for module in cnn:
    if isinstance(module, nn.BatchNorm2d):
        module.running_mean.uniform_(-1, 1)
        module.running_var.uniform_(0.5, 2)

models = {
    'mlp': (mlp, torch.randn(3, 4)),
    'cnn': (cnn, torch.randn(2, 1, 14, 14)),
    'lstm': (Recurrent(), torch.randn(2, 7, 5)),
    'encoder': (Encoder(), torch.randint(0, 11, (2, 6))),
    'upsampling': (upsampling, torch.randn(1, 2, 4, 5)),
}


def packed(tensor):
    kind = str(tensor.dtype).replace('torch.', '')
    return {'shape': list(tensor.shape), 'dtype': kind, 'data': tensor.detach().flatten().tolist()}


cases = {}
for name, (model, x) in models.items():
    model.eval()
    # Upsample of opset 9 has no half pixels: what PyTorch exports there is another function, as it warns.
    for opset in (11, 13, 17) if name == 'upsampling' else (9, 11, 13, 17):
        file = io.BytesIO()
        try:
            torch.onnx.export(model, x, file, opset_version=opset, input_names=['x'], output_names=['y'],
                              dynamic_axes={'x': {0: 'batch'}})
        except Exception as error:
            print(name, opset, str(error).splitlines()[0])
            continue
        cases[f'{name}, opset {opset}'] = {
            'model': base64.b64encode(file.getvalue()).decode(), 'x': packed(x), 'y': packed(model(x)),
        }
with gzip.GzipFile(sys.argv[1], 'wb', 9, mtime=0) as file:
    file.write(json.dumps(cases).encode())
print(len(cases), 'models')
