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
from torch.nn import functional

warnings.simplefilter('ignore')
torch.manual_seed(0)


class Recurrent(nn.Module):
    def __init__(self, kind=nn.LSTM, last='step', batch_first=True, **options):
        super().__init__()
        self.rnn = kind(5, 6, batch_first=batch_first, **options)
        self.head = nn.Linear(12 if options.get('bidirectional') else 6, 3)
        self.last, self.batch_first = last, batch_first

    def forward(self, x):
        y, h = self.rnn(x)
        if self.last == 'state':
            return self.head((h[0] if isinstance(h, tuple) else h)[-1])
        return self.head(y if self.last == 'all' else y[:, -1] if self.batch_first else y[-1])


class Encoder(nn.Module):
    def __init__(self, mask=True, **options):
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        self.positions = nn.Parameter(torch.randn(6, 8))
        self.mask = mask
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0, **options)
        self.encoder = nn.TransformerEncoder(layer, 2 if mask else 1)

    def forward(self, tokens):
        mask = torch.triu(torch.full((tokens.shape[1], tokens.shape[1]), float('-inf')), diagonal=1)
        x = self.embedding(tokens)
        return self.encoder(x if self.mask else x + self.positions, mask=mask if self.mask else None).mean(dim=1)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.norm = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8), nn.LayerNorm(8)

    def forward(self, x):
        batch, steps, width = x.shape
        q, k, v = [m(x).view(batch, steps, 2, 4).transpose(1, 2) for m in (self.q, self.k, self.v)]
        later = torch.ones(steps, steps).triu(1).bool()
        weights = (q @ k.transpose(-1, -2) / 2).masked_fill(later, float('-inf')).softmax(-1)
        return self.norm((weights @ v).transpose(1, 2).reshape(batch, steps, width) + x)


class Squeeze(nn.Module):
    """Channels weighed by what is seen in all of them."""
    def __init__(self):
        super().__init__()
        self.conv, self.down, self.up = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 2), nn.Linear(2, 4)

    def forward(self, x):
        y = functional.silu(self.conv(x))
        gate = torch.sigmoid(self.up(functional.relu(self.down(y.mean((2, 3))))))
        return (y * gate[:, :, None, None]).flatten(1)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 7, 2, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.one, self.two, self.past = nn.Conv2d(4, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(4, 8, 1, 2)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = self.stem(x)
        y = functional.relu(self.two(functional.relu(self.one(x))) + self.past(x))
        return self.head(functional.adaptive_avg_pool2d(y, 1).flatten(1))


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
functions = nn.Sequential(
    nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 8), nn.SELU(), nn.ELU(0.5), nn.Linear(8, 8), nn.Hardsigmoid(), nn.Mish(),
    nn.Linear(8, 8), nn.PReLU(8), nn.ReLU6(), nn.Linear(8, 8), nn.Softsign(), nn.CELU(2.0), nn.Softplus(), nn.LogSigmoid(),
    nn.Hardtanh(-2, 2), nn.LayerNorm(8),
)
cnn1d = nn.Sequential(
    nn.Conv1d(3, 4, 3, padding=1), nn.BatchNorm1d(4), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(4, 4, 3, groups=4),
    nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(4, 2),
)
cnn3d = nn.Sequential(nn.Conv3d(2, 4, 3, padding=1), nn.ReLU(), nn.MaxPool3d(2), nn.Flatten(), nn.Linear(32, 2))
lenet = nn.Sequential(nn.Conv2d(1, 4, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(4, 6, 3), nn.Flatten(), nn.Linear(24, 10))
separable = nn.Sequential(nn.Conv2d(4, 8, 3, 2, 1, groups=4), nn.PReLU(), nn.Conv2d(8, 6, 1), nn.AvgPool2d(3, 2, 1), nn.Flatten())
decoder = nn.Sequential(nn.ConvTranspose2d(2, 3, 3, 2, 1, 1), nn.ReLU(), nn.ZeroPad2d((1, 2, 0, 1)), nn.Conv2d(3, 4, 1), nn.PixelShuffle(2))
normal = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))

models = {
    'mlp': (mlp, torch.randn(3, 4)),
    'cnn': (cnn, torch.randn(2, 1, 14, 14)),
    'lstm': (Recurrent(num_layers=2, bidirectional=True), torch.randn(2, 7, 5)),
    'encoder': (Encoder(activation='gelu'), torch.randint(0, 11, (2, 6))),
    'upsampling': (upsampling, torch.randn(1, 2, 4, 5)),
    'functions': (functions, torch.randn(3, 4)),
    'cnn1d': (cnn1d, torch.randn(2, 3, 12)),
    'cnn3d': (cnn3d, torch.randn(2, 2, 4, 4, 4)),
    'lenet': (lenet, torch.randn(2, 1, 12, 12)),
    'residual': (Residual(), torch.randn(2, 3, 32, 32)),
    'squeeze': (Squeeze(), torch.randn(2, 3, 6, 6)),
    'separable': (separable, torch.randn(2, 4, 8, 8)),
    'decoder': (decoder, torch.randn(2, 2, 4, 5)),
    'rnn': (Recurrent(nn.RNN, nonlinearity='relu'), torch.randn(2, 7, 5)),
    'gru': (Recurrent(nn.GRU, 'state', num_layers=2), torch.randn(2, 7, 5)),
    'gru, both ways': (Recurrent(nn.GRU, 'all', bidirectional=True), torch.randn(2, 7, 5)),
    'encoder, norm first': (Encoder(False, norm_first=True), torch.randint(0, 11, (2, 6))),
    'attention': (Attention(), torch.randn(2, 5, 8)),
    'batch norm kept': (normal, torch.randn(3, 4)),
}
usual = ('mlp', 'cnn', 'lstm', 'encoder')
for module in (*cnn, *cnn1d, *normal):
    if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
        module.running_mean.uniform_(-1, 1)
        module.running_var.uniform_(0.5, 2)

def packed(tensor):
    kind = str(tensor.dtype).replace('torch.', '')
    return {'shape': list(tensor.shape), 'dtype': kind, 'data': tensor.detach().flatten().tolist()}


cases = {}
for name, (model, x) in models.items():
    model.eval()
    # Upsample of opset 9 has no half pixels: what PyTorch exports there is another function, as it warns.
    for opset in (9, 11, 13, 17) if name in usual else (11, 13, 17) if name == 'upsampling' else (12, 17):
        for fixed in (False, True) if opset == 17 and name != 'batch norm kept' else (False,):
            given = x[:1] if fixed else x
            options = {} if fixed else {'dynamic_axes': {'x': {0: 'batch'}}}
            if name == 'batch norm kept':
                options['training'] = torch.onnx.TrainingMode.PRESERVE
            file = io.BytesIO()
            try:
                torch.onnx.export(model, given, file, opset_version=opset, input_names=['x'], output_names=['y'], **options)
            except Exception as error:
                print(name, opset, str(error).splitlines()[0])
                continue
            case = {'model': base64.b64encode(file.getvalue()).decode(), 'x': packed(given), 'y': packed(model(given))}
            cases[f'{name}, opset {opset}{", one sample" if fixed else ""}'] = case
with gzip.GzipFile(sys.argv[1], 'wb', 9, mtime=0) as file:
    file.write(json.dumps(cases).encode())
print(len(cases), 'models')
