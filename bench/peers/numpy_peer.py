"""NumPy with OpenBLAS, written by hand."""
from adaptor import *


class MLP:
    """784-128-10, ReLU, softmax with cross-entropy, Adam."""

    def __init__(self):
        rs = np.random.RandomState(0); f = np.float32
        self.p = [(rs.randn(784, 128) * np.sqrt(2 / 784)).astype(f), np.zeros(128, f),
                  (rs.randn(128, 10) * np.sqrt(1 / 128)).astype(f), np.zeros(10, f)]
        self.m = [np.zeros_like(v) for v in self.p]; self.v = [np.zeros_like(v) for v in self.p]; self.t = 0

    def step(self, x, y):
        W1, b1, W2, b2 = self.p
        h = np.maximum(x @ W1 + b1, 0); z = h @ W2 + b2
        z = z - z.max(1, keepdims=True); e = np.exp(z); p = e / e.sum(1, keepdims=True)
        n = len(x); loss = -np.log(p[np.arange(n), y] + 1e-12).mean()
        d = p; d[np.arange(n), y] -= 1; d /= n
        gW2 = h.T @ d; gb2 = d.sum(0); dh = (d @ W2.T) * (h > 0); gW1 = x.T @ dh; gb1 = dh.sum(0)
        self.t += 1; c1 = 1 - 0.9 ** self.t; c2 = 1 - 0.999 ** self.t
        for i, g in enumerate((gW1, gb1, gW2, gb2)):
            self.m[i] *= 0.9; self.m[i] += 0.1 * g
            self.v[i] *= 0.999; self.v[i] += 0.001 * (g * g)
            self.p[i] -= np.float32(1e-3 / c1) * self.m[i] / (np.sqrt(self.v[i] / np.float32(c2)) + np.float32(1e-8))
        return loss


def W3():
    x, y = mnist(64 * 256); model = MLP(); state = dict(i=0)

    def step():
        i = state['i'] % 256; state['i'] += 1
        state['loss'] = model.step(x[i * 64:(i + 1) * 64], y[i * 64:(i + 1) * 64])
    emit('train', measure(step), 'images/s', 64, loss=float(state['loss']))


def W4():
    x, y = planar(); X, Y = np.ascontiguousarray(x.T), np.ascontiguousarray(y.T); m = 400; dt = np.float32

    def prepare():
        rs = np.random.RandomState(2)
        return (rs.randn(4, 2) * 0.01).astype(dt), np.zeros((4, 1), dt), (rs.randn(1, 4) * 0.01).astype(dt), np.zeros((1, 1), dt)

    def train(weights):
        W1, b1, W2, b2 = weights; lr = dt(0.005)
        for _ in range(10000):
            Z1 = np.dot(W1, X) + b1; A1 = np.tanh(Z1); Z2 = np.dot(W2, A1) + b2; A2 = 1 / (1 + np.exp(-Z2))
            cost = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m
            dZ2 = A2 - Y; dW2 = np.dot(dZ2, A1.T) / m; db2 = np.sum(dZ2, axis=1, keepdims=True) / m
            dZ1 = np.dot(W2.T, dZ2) * (1 - np.power(A1, 2))
            dW1 = np.dot(dZ1, X.T) / m; db1 = np.sum(dZ1, axis=1, keepdims=True) / m
            W1 = W1 - lr * dW1; b1 = b1 - lr * db1; W2 = W2 - lr * dW2; b2 = b2 - lr * db2
        return cost
    timed, cost = repeat(1 if quick else 3, prepare, train)
    emit('10,000 steps', timed, 's', loss=float(cost))


globals()[workload]()
