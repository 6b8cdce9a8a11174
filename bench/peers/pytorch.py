"""PyTorch on the CPU; the variant nhwc keeps images with their channels last."""
from adaptor import *
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(int(threads))
torch.manual_seed(0)
layout = torch.channels_last if variant == 'nhwc' else torch.contiguous_format


def digits():
    settle = lambda norm, n: [nn.ReLU(), norm(n, eps=1e-3, momentum=0.01), nn.LeakyReLU(0.1)]
    block = lambda i, o, rate: [nn.Conv2d(i, o, 3, padding=1), *settle(nn.BatchNorm2d, o),
                                nn.MaxPool2d(2, ceil_mode=True), nn.Dropout(rate)]
    unit = lambda i, o, rate: [nn.Linear(i, o), *settle(nn.BatchNorm1d, o), nn.Dropout(rate)]
    return nn.Sequential(*block(1, 32, .3), *block(32, 64, .3), *block(64, 128, .4), nn.Flatten(),
                         *unit(2048, 120, .3), *unit(120, 40, .2), nn.Linear(40, 10))


def mlp():
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def train(model, X, Y):
    adam = torch.optim.Adam(model.parameters(), lr=1e-3); state = dict(i=0)

    def step():
        i = state['i'] % len(X); state['i'] += 1
        adam.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(X[i]), Y[i])
        loss.backward(); adam.step()
        state['loss'] = loss
    emit('train', measure(step), 'images/s', 64, loss=state['loss'].item())


def batches(count, *shape):
    x, y = mnist(64 * count)
    X = [torch.from_numpy(x[i * 64:(i + 1) * 64]).reshape(64, *shape).contiguous() for i in range(count)]
    return X, [torch.from_numpy(y[i * 64:(i + 1) * 64].astype(np.int64)) for i in range(count)]


def W1():
    X, Y = batches(16, 1, 28, 28)
    train(digits().to(memory_format=layout).train(), [x.to(memory_format=layout) for x in X], Y)


def W2():
    x = torch.from_numpy(mnist(256, 't10k')[0]).reshape(256, 1, 28, 28)
    with torch.inference_mode():
        model = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(digits().eval(), x, check_trace=False)))
        singles = [x[i:i + 1].contiguous() for i in range(64)]; state = dict(i=0)

        def one():
            state['i'] += 1
            return torch.softmax(model(singles[state['i'] % 64]), 1)
        emit('one image', measure(one), 'ms')
        emit('batch 256', measure(lambda: torch.softmax(model(x), 1)), 'images/s', 256)


def W3():
    train(mlp(), *batches(256, 784))


def W7():
    with torch.inference_mode():
        x = torch.randn(MANY)
        calls = {'relu': lambda: torch.relu(x), 'sigmoid': lambda: torch.sigmoid(x), 'tanh': lambda: torch.tanh(x),
                 'gelu (erf)': lambda: F.gelu(x), 'gelu (tanh)': lambda: F.gelu(x, approximate='tanh')}
        for width in (10, 1000):
            calls['softmax of %d' % width] = lambda rows=x.reshape(-1, width): torch.softmax(rows, 1)
        rows, mask, a, b = x.reshape(-1, 1000), torch.rand(MANY // 1000, 1000), torch.rand(1000), torch.rand(1000)
        calls['mask · gelu(a·x + b)'] = lambda: mask * F.gelu(torch.addcmul(b, a, rows))
        for name, call in calls.items():
            emit(name, measure(call, 0.4), 'Melem/s', MANY / 1e6)


def convolutions():
    """Each pass alone, in both layouts; the faster one counts."""
    for size, channels, filters in ((28, 1, 32), (14, 32, 64), (7, 64, 128)):
        for name, wanted in (('forward', None), ('filters', [False, True, False]), ('input', [True, False, False])):
            if name == 'input' and channels == 1: continue
            best = None
            for order in (torch.contiguous_format, torch.channels_last):
                x, w, y = (torch.randn(s).to(memory_format=order) for s in
                           ((64, channels, size, size), (filters, channels, 3, 3), (64, filters, size, size)))
                if wanted is None:
                    call = lambda: F.conv2d(x, w, padding=1)
                else:
                    call = lambda: torch.ops.aten.convolution_backward(
                        y, x, w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, wanted)
                with torch.inference_mode():
                    timed = measure(call, 0.2)
                if best is None or timed['s'] < best[0]['s']:
                    best = timed, 'NHWC' if order == torch.channels_last else 'NCHW'
            emit('%d×%d×%d→%d %s' % (size, size, channels, filters, name), best[0], 'ms', layout=best[1])


class Last(nn.Module):
    """What a recurrent layer leaves at its last step."""
    def __init__(self, layer):
        super().__init__(); self.layer = layer

    def forward(self, x): return self.layer(x)[0][:, -1]


class Mean(nn.Module):
    def __init__(self, *axes):
        super().__init__(); self.axes = axes

    def forward(self, x): return x.mean(self.axes)


class Block(nn.Module):
    """He et al. 2016."""
    def __init__(self, i, o, stride):
        super().__init__()
        unbiased = lambda i, size, stride: nn.Conv2d(i, o, size, stride, size // 2, bias=False)
        self.body = nn.Sequential(unbiased(i, 3, stride), nn.BatchNorm2d(o), nn.ReLU(), unbiased(o, 3, 1), nn.BatchNorm2d(o))
        self.short = nn.Identity() if stride == 1 else nn.Sequential(unbiased(i, 1, stride), nn.BatchNorm2d(o))

    def forward(self, x): return F.relu(self.body(x) + self.short(x))


def networks():
    conv = lambda i, o, size, *more: [nn.Conv2d(i, o, size, *more, padding=size // 2), nn.ReLU()]
    encoder = lambda: nn.TransformerEncoderLayer(64, 4, 256, dropout=0, batch_first=True)
    spread = lambda i, o: [nn.ConvTranspose2d(i, o, 4, 2, 1), nn.ReLU()]
    blocks = [Block(i, o, 1 if i == o else 2) for i, o in ((64, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256),
                                                           (256, 512), (512, 512))]
    made = {
        'LSTM': ((32, 100, 64), [Last(nn.LSTM(64, 128, batch_first=True))], 128),
        'GRU': ((32, 100, 64), [Last(nn.GRU(64, 128, batch_first=True))], 128),
        'transformer': ((16, 64, 64), [encoder(), encoder(), Mean(1)], 64),
        '3×3 and pooling': ((32, 3, 32, 32), [*conv(3, 32, 3), *conv(32, 32, 3), nn.MaxPool2d(2), *conv(32, 64, 3),
                                              *conv(64, 64, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4096, 128), nn.ReLU()], 128),
        'depthwise and 1×1': ((32, 32, 32, 32), [nn.Conv2d(32, 32, 3, padding=1, groups=32), nn.BatchNorm2d(32), nn.ReLU(),
                                                 nn.Conv2d(32, 64, 1), nn.BatchNorm2d(64), nn.ReLU(), Mean(2, 3)], 64),
        '3×3 with stride 2': ((32, 32, 32, 32), [*conv(32, 64, 3, 2), Mean(2, 3)], 64),
        '5×5': ((32, 16, 28, 28), [*conv(16, 32, 5), nn.MaxPool2d(2), nn.Flatten()], 6272),
        '1-d': ((32, 16, 1000), [nn.Conv1d(16, 64, 9, padding=4), nn.ReLU(), nn.MaxPool1d(4), nn.Conv1d(64, 64, 9, padding=4),
                                 nn.ReLU(), Mean(2)], 64),
        'transposed': ((32, 64, 8, 8), [*spread(64, 32), *spread(32, 16), nn.Flatten()], 16384),
        'ResNet-18': ((16, 3, 32, 32), [nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(), *blocks,
                                        Mean(2, 3)], 512),
    }
    for name, (shape, body, width) in made.items():
        model = nn.Sequential(*body, nn.Linear(width, 10))
        adam = torch.optim.Adam(model.parameters()); x = torch.randn(shape); y = torch.arange(shape[0]) % 10

        def step():
            adam.zero_grad(set_to_none=True); F.cross_entropy(model(x), y).backward(); adam.step()
        emit(name, measure(step, 0.3), 'steps/s')


def export():
    """Writes the digit network as ONNX, with an input and the output it must give, for onnxruntime."""
    model = digits().train()
    with torch.no_grad():
        for _ in range(20): model(torch.rand(64, 1, 28, 28))  # statistics that are not 0 and 1
    model = nn.Sequential(model, nn.Softmax(1)).eval(); x = torch.rand(2, 1, 28, 28)
    folder = os.path.join(os.environ['PEERS_DIR'], 'models'); os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'digits.json'), 'w') as file:
        json.dump(dict(x=x.flatten().tolist(), y=model(x).detach().flatten().tolist()), file)
    torch.onnx.export(model, x, os.path.join(folder, 'digits.onnx'), input_names=['x'], output_names=['y'],
                      dynamic_axes={'x': {0: 'n'}, 'y': {0: 'n'}}, opset_version=13)


globals()[workload]()
