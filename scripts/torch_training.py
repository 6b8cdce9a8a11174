"""Writes test/fixtures/torch/losses.json and optimizers.json: values, gradients and trajectories in float64.

    /usr/bin/python3 scripts/torch_training.py        (Debian's python3-torch)

Losses that PyTorch has are PyTorch's; the others are the formulas of Keras's pages written with PyTorch's operations, so
that their gradients are those of its automatic differentiation. Optimisers are torch.optim's where it takes the same
step (its ε outside a root is made negligible), else transcriptions of the papers and of Keras's pages into NumPy.
"""

import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
random = np.random.RandomState(7)
folder = pathlib.Path(__file__).resolve().parent.parent / "test/fixtures/torch"
folder.mkdir(parents=True, exist_ok=True)
eps = 1e-7

# Losses

p0 = random.randn(4, 5)
t0 = random.randn(4, 5)
prob = 1 / (1 + np.exp(-2 * random.randn(4, 5)))
rows = np.exp(random.randn(4, 5))
rows /= rows.sum(1, keepdims=True)
soft = np.exp(random.randn(4, 5))
soft /= soft.sum(1, keepdims=True)
zeros_ones = (random.rand(4, 5) > 0.5) * 1.0
signs = zeros_ones * 2 - 1
classes = np.array([0, 3, 2, 4])
hot = np.eye(5)[classes]
logits = 3 * random.randn(4, 5)
extreme = np.array([[-1e4, -200, -90, 90, 200.0], [1e4, 0, -1e4, 90, 5], [0, 0, 0, 0, 0], [200, -200, 90, -90, 1e4]])
huge = np.array([[-1e4, -200, -90, 90, 200.0], [1e4, 1, -1e4, 90, 5], [0.5, 3e-5, -2e-3, 1, -1], [200, -200, 90, -90, 1e4]])
cube = random.randn(4, 3, 5)
cases = []


def case(name, params, p, t, f, weight=None):
    """f gives one loss a sample (or one for all); their weighted mean is the loss."""
    x = torch.tensor(p, requires_grad=True)
    y = torch.tensor(t)
    each = f(x, y)
    if weight is not None:
        each = each.reshape(4, -1).mean(1) * torch.tensor(weight)
    value = each.mean()
    value.backward()
    grad = torch.zeros_like(x) if x.grad is None else x.grad
    cases.append(
        dict(name=name, params=params, p=np.asarray(p).tolist(), t=np.asarray(t).tolist(), value=value.item(), slope=grad.tolist())
        | ({} if weight is None else dict(weight=weight))
    )


def none(f, **more):
    return lambda p, t: f(p, t, reduction="none", **more)


def clip(p):
    return p.clamp(eps, 1 - eps)


def cce(p, t):
    return -(t * torch.log(clip(p / p.sum(-1, keepdim=True)))).sum(-1)


def bce(p, t):
    return -(t * torch.log(clip(p)) + (1 - t) * torch.log(1 - clip(p)))


def focal(p, t, gamma=2, alpha=None):
    u = (t * (1 - p) + (1 - t) * p) ** gamma * bce(p, t)
    return u if alpha is None else u * (t * alpha + (1 - t) * (1 - alpha))


def cfocal(p, t, alpha=0.25, gamma=2):
    q = clip(p / p.sum(-1, keepdim=True))
    return (alpha * (1 - q) ** gamma * -t * torch.log(q)).sum(-1)


def unit(x):
    return x / x.norm(dim=-1, keepdim=True).clamp(min=eps)


def circle(p, t, gamma=80, margin=0.4):
    d = (1 - p @ p.T).clamp(min=0)
    same = (t[:, None] == t[None]) & ~torch.eye(len(t), dtype=torch.bool)
    other = t[:, None] != t[None]
    near = -gamma * (margin + d).clamp(min=0) * (margin - d)
    far = gamma * (1 + margin - d).clamp(min=0) * (1 - margin - d)
    minus = torch.tensor(-math.inf)
    return F.softplus(torch.logsumexp(torch.where(same, near, minus), 1) + torch.logsumexp(torch.where(other, far, minus), 1), threshold=100)


weights = [0.5, 2.0, 0.0, 1.5]
for w in (None, weights):
    case("meanSquaredError", {}, p0, t0, none(F.mse_loss), w)
    case("huber", {"delta": 0.7}, p0, t0, none(F.huber_loss, delta=0.7), w)
    case("categoricalCrossentropy", {}, rows, soft, cce, w)
    case("sparseCategoricalCrossentropy", {"fromLogits": True}, logits, classes, none(F.cross_entropy), w)
    case("binaryCrossentropy", {"fromLogits": True}, logits, zeros_ones, none(F.binary_cross_entropy_with_logits), w)
    case("cosineSimilarity", {}, p0, t0, lambda p, t: -F.cosine_similarity(p, t), w)
    case("multiMargin", {}, p0, classes, none(F.multi_margin_loss), w)
case("meanAbsoluteError", {}, p0, t0, none(F.l1_loss))
case("meanAbsoluteError", {}, huge, t0, none(F.l1_loss))
case("meanSquaredError", {}, huge, t0, none(F.mse_loss))
case("meanAbsolutePercentageError", {}, p0, t0, lambda p, t: 100 * ((t - p) / t.abs().clamp(min=eps)).abs())
case("meanSquaredLogarithmicError", {}, rows * 9, soft * 9, lambda p, t: (torch.log1p(p.clamp(min=eps)) - torch.log1p(t.clamp(min=eps))) ** 2)
case("huber", {}, huge, t0, none(F.huber_loss))
case("smoothL1", {}, p0, t0, none(F.smooth_l1_loss))
case("smoothL1", {"beta": 0.3}, huge, t0, none(F.smooth_l1_loss, beta=0.3))
case("logCosh", {}, p0, t0, lambda p, t: torch.log(torch.cosh(p - t)))
case("logCosh", {}, huge, t0, lambda p, t: (p - t).abs() + torch.log1p(torch.exp(-2 * (p - t).abs())) - math.log(2))
case("poisson", {}, rows * 9, soft * 9, lambda p, t: p - t * torch.log(p + eps))
case("poissonNll", {}, p0, soft * 9, none(F.poisson_nll_loss))
case("poissonNll", {"logInput": False, "full": True}, rows * 9, soft * 9, none(F.poisson_nll_loss, log_input=False, full=True))
both = np.concatenate([p0, rows], 1)
for full in (False, True):
    case("gaussianNll", {"full": full}, both, t0, lambda p, t: F.gaussian_nll_loss(p[:, :5], t, p[:, 5:], full=full, reduction="none"))
case("binaryCrossentropy", {}, prob, zeros_ones, bce)
case("binaryCrossentropy", {}, prob, soft, bce)
case("binaryCrossentropy", {"labelSmoothing": 0.2}, prob, zeros_ones, lambda p, t: bce(p, t * 0.8 + 0.1))
case("binaryCrossentropy", {"fromLogits": True}, extreme, zeros_ones, none(F.binary_cross_entropy_with_logits))
case("binaryFocalCrossentropy", {}, prob, zeros_ones, focal)
case("binaryFocalCrossentropy", {"applyClassBalancing": True, "gamma": 1.5}, prob, soft, lambda p, t: focal(p, t, 1.5, 0.25))
case("binaryFocalCrossentropy", {"fromLogits": True, "labelSmoothing": 0.1}, logits, zeros_ones, lambda p, t: focal(torch.sigmoid(p), t * 0.9 + 0.05))
case("categoricalCrossentropy", {}, rows * 3, hot, cce)
case("categoricalCrossentropy", {"labelSmoothing": 0.1}, rows, hot, lambda p, t: cce(p, t * 0.9 + 0.02))
case("categoricalCrossentropy", {"fromLogits": True}, logits, soft, none(F.cross_entropy))
case("categoricalCrossentropy", {"fromLogits": True, "labelSmoothing": 0.3}, logits, hot, lambda p, t: F.cross_entropy(p, torch.tensor(classes), reduction="none", label_smoothing=0.3))
case("categoricalCrossentropy", {"fromLogits": True}, extreme, hot, none(F.cross_entropy))
case("sparseCategoricalCrossentropy", {}, rows, classes, lambda p, t: cce(p, torch.tensor(hot)))
case("sparseCategoricalCrossentropy", {"fromLogits": True, "labelSmoothing": 0.1}, logits, classes, none(F.cross_entropy, label_smoothing=0.1))
some = np.array([0, 3, -100, 4])
for shape in ((4, 5), (2, 2, 5)):
    case("sparseCategoricalCrossentropy", {"fromLogits": True, "ignoreClass": -100}, logits.reshape(shape), some.reshape(shape[:-1]), lambda p, t: F.cross_entropy(p.reshape(4, 5), t.reshape(4)))
case("sparseCategoricalCrossentropy", {"ignoreClass": 3}, rows, classes, lambda p, t: cce(p, torch.tensor(hot))[[0, 2, 3]])
case("categoricalFocalCrossentropy", {}, rows * 2, hot, cfocal)
case("categoricalFocalCrossentropy", {"alpha": 0.5, "gamma": 3}, rows, soft, lambda p, t: cfocal(p, t, 0.5, 3))
case("categoricalFocalCrossentropy", {"fromLogits": True}, logits, hot, lambda p, t: cfocal(torch.softmax(p, -1), t))
case("categoricalGeneralizedCrossEntropy", {"q": 0.7}, rows, classes, lambda p, t: (1 - p[range(4), t] ** 0.7) / 0.7)
case("klDivergence", {}, rows, soft, lambda p, t: (t * torch.log(t / p)).sum(-1))
case("nll", {}, np.log(rows), classes, none(F.nll_loss))
case("multiLabelSoftMargin", {}, logits, zeros_ones, none(F.multilabel_soft_margin_loss))
case("hinge", {}, p0, signs, lambda p, t: (1 - t * p).clamp(min=0))
case("hinge", {}, p0, zeros_ones, lambda p, t: (1 - (2 * t - 1) * p).clamp(min=0))
case("squaredHinge", {}, p0, signs, lambda p, t: (1 - t * p).clamp(min=0) ** 2)
case("categoricalHinge", {}, p0, hot, lambda p, t: (((1 - t) * p).amax(-1) - (t * p).sum(-1) + 1).clamp(min=0))
case("softMargin", {}, p0, signs, none(F.soft_margin_loss))
case("softMargin", {}, extreme / 20, signs, none(F.soft_margin_loss))
case("multiMargin", {"power": 2, "margin": 0.5}, p0, classes, none(F.multi_margin_loss, p=2, margin=0.5))
case("hingeEmbedding", {"margin": 0.8}, np.abs(p0), signs, none(F.hinge_embedding_loss, margin=0.8))
case("dice", {}, prob, zeros_ones, lambda p, t: 1 - 2 * (p * t).sum() / (p.sum() + t.sum() + eps))
case("tversky", {"alpha": 0.3, "beta": 0.8}, prob, zeros_ones, lambda p, t: 1 - (p * t).sum() / ((p * t).sum() + 0.3 * ((1 - p) * t).sum() + 0.8 * (p * (1 - t)).sum() + eps))
case("marginRanking", {"margin": 0.3}, p0[:, :2], signs[:, 0], lambda p, t: F.margin_ranking_loss(p[:, 0], p[:, 1], t, margin=0.3, reduction="none"))
case("cosineEmbedding", {"margin": 0.1}, cube[:, :2], signs[:, 0], lambda p, t: F.cosine_embedding_loss(p[:, 0], p[:, 1], t, margin=0.1, reduction="none"))
for swap in (False, True):
    case("tripletMargin", {"swap": swap, "margin": 2}, cube, zeros_ones[:, 0], lambda p, t: F.triplet_margin_loss(p[:, 0], p[:, 1], p[:, 2], margin=2, swap=swap, reduction="none"))
case("circle", {}, unit(torch.tensor(p0)).numpy(), np.array([0, 1, 1, 0]), circle)
case("circle", {"gamma": 10, "margin": 0.25}, unit(torch.tensor(p0)).numpy(), np.array([0, 0, 1, 0])[[0, 1, 3, 3]] * 1 + np.array([0, 0, 1, 1]), lambda p, t: circle(p, t, 10, 0.25))
for w in (None, weights):
    case("gaussianNll", {}, both, t0, lambda p, t: F.gaussian_nll_loss(p[:, :5], t, p[:, 5:], reduction="none"), w)
    case("marginRanking", {}, p0[:, :2], signs[:, 0], lambda p, t: F.margin_ranking_loss(p[:, 0], p[:, 1], t, reduction="none"), w)
    case("cosineEmbedding", {}, cube[:, :2], signs[:, 0], lambda p, t: F.cosine_embedding_loss(p[:, 0], p[:, 1], t, reduction="none"), w)
    case("tripletMargin", {}, cube, zeros_ones[:, 0], lambda p, t: F.triplet_margin_loss(p[:, 0], p[:, 1], p[:, 2], reduction="none"), w)
    case("circle", {}, unit(torch.tensor(p0)).numpy(), np.array([0, 1, 1, 0]), circle, w)
    case("multiLabelMargin", {}, p0, np.array([[3, 0, -1, 1, 2], [-1, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, -1, -1, -1, 4]]), none(F.multilabel_margin_loss), w)
case("nll", {"ignoreClass": -100}, np.log(rows), some, lambda p, t: F.nll_loss(p, t))


def ctc(lengths, **more):
    """Of logits [batch, steps, classes]; each sample's loss, not yet divided by its number of labels."""

    def each(p, t):
        steps = torch.full((4,), p.shape[1])
        blank = more.get("blank", 0)
        return F.ctc_loss(p.log_softmax(-1).transpose(0, 1), t, steps, torch.tensor(lengths), blank, "none", more.get("zero_infinity", False))

    return each


own = np.random.RandomState(21)
speech = 2 * own.randn(4, 7, 4)
words = np.array([[1, 2, 3, 0], [2, 2, 0, 0], [3, 0, 0, 0], [1, 1, 1, 1]])
for w in (None, weights):
    case("ctc", {"maxLabels": 4}, speech, words, ctc([3, 2, 1, 4]), w)
case("ctc", {"maxLabels": 4, "perLabel": True}, speech, words, lambda p, t: ctc([3, 2, 1, 4])(p, t) / torch.tensor([3, 2, 1, 4]))
case("ctc", {"maxLabels": 4}, 4 * speech, words * 0, ctc([0, 0, 0, 0]))
case("ctc", {"blank": 3, "maxLabels": 2}, speech, np.array([[0, 1], [2, 2], [1, 3], [0, 0]]), ctc([2, 2, 1, 2], blank=3))
case("ctc", {"zeroInfinity": True}, speech[:, :4], words, ctc([3, 2, 1, 4], zero_infinity=True))
case("binaryCrossentropy", {}, np.tile([0.0, 1, 0.5, 1, 0], (4, 1)), zeros_ones, bce)
case("ctc", {"maxLabels": 1}, 90 * np.sign(speech[:, :3]), words[:, :1], ctc([1, 1, 1, 1]))
(folder / "losses.json").write_text(json.dumps({"about": "made by scripts/torch_training.py", "torch": torch.__version__, "cases": cases}) + "\n")

# Optimisers: the weights of a matrix and a vector after each of the steps, for gradients that are given

shapes = [(3, 4), (4,)]
steps = 12
begin = [random.randn(*s) for s in shapes]
gradients = [[random.randn(*s) * (2 if i % 4 else 0.1) for s in shapes] for i in range(steps)]
runs = []


def keep(name, params, trajectory):
    runs.append(dict(name=name, params=params, weights=[np.concatenate([np.asarray(w).ravel() for w in ws]).tolist() for ws in trajectory]))


def by_torch(name, params, make, change=None):
    ws = [torch.tensor(w, requires_grad=True) for w in begin]
    o = make(ws)
    out = []
    for gs in gradients:
        for w, g in zip(ws, gs):
            w.grad = torch.tensor(g)
        if change:
            change(ws)
        o.step(lambda: torch.zeros(()))
        out.append([w.detach().numpy().copy() for w in ws])
    keep(name, params, out)


def by_hand(name, params, step, gs=gradients):
    """step(w, g, state, t) gives the new w; state is a dict of the parameter's own."""
    ws = [w.copy() for w in begin]
    states = [{} for _ in ws]
    out = []
    for i, g in enumerate(gs):
        ws = [step(w, x, s, i + 1) for w, x, s in zip(ws, g, states)]
        out.append([w.copy() for w in ws])
    keep(name, params, out)


o = torch.optim
lr = 0.05
by_torch("sgd", {"learningRate": lr}, lambda w: o.SGD(w, lr))
by_torch("sgd", {"learningRate": lr, "momentum": 0.9}, lambda w: o.SGD(w, lr, momentum=0.9))
by_torch("sgd", {"learningRate": lr, "momentum": 0.9, "nesterov": True}, lambda w: o.SGD(w, lr, momentum=0.9, nesterov=True))
for centered in (False, True):
    for momentum in (0, 0.8):
        extra = {"momentum": momentum, "centered": centered}
        by_torch("rmsprop", {"learningRate": lr, "epsilon": 0, **extra}, lambda w: o.RMSprop(w, lr, alpha=0.9, eps=0, **extra))
by_torch("adadelta", {"learningRate": 1, "rho": 0.9, "epsilon": 1e-6}, lambda w: o.Adadelta(w, 1, rho=0.9, eps=1e-6))
by_torch("adagrad", {"learningRate": lr, "epsilon": 0}, lambda w: o.Adagrad(w, lr, initial_accumulator_value=0.1, eps=0))
by_torch("adam", {"learningRate": lr, "epsilon": 0}, lambda w: o.Adam(w, lr, eps=0))
by_torch("adam", {"learningRate": lr, "epsilon": 0, "amsgrad": True}, lambda w: o.Adam(w, lr, eps=0, amsgrad=True))
by_torch("adamW", {"learningRate": lr, "epsilon": 0, "weightDecay": 0.03}, lambda w: o.AdamW(w, lr, eps=0, weight_decay=0.03))
by_torch("adamax", {"learningRate": lr, "epsilon": 0}, lambda w: o.Adamax(w, lr, eps=0))
by_torch("radam", {"learningRate": lr, "epsilon": 1e-8, "beta2": 0.9}, lambda w: o.RAdam(w, lr, betas=(0.9, 0.9)))
by_torch("radam", {"learningRate": lr}, lambda w: o.RAdam(w, lr))
by_torch("lbfgs", {"learningRate": 0.1, "historySize": 3}, lambda w: o.LBFGS(w, 0.1, max_iter=1, history_size=3))
by_torch("rprop", {"learningRate": lr}, lambda w: o.Rprop(w, lr))
by_torch("sgd", {"learningRate": lr, "clipvalue": 1.5}, lambda w: o.SGD(w, lr), lambda ws: torch.nn.utils.clip_grad_value_(ws, 1.5))


def ema(s, key, x, beta):
    s[key] = beta * s.get(key, 0) + (1 - beta) * x
    return s[key]


def clipnorm(w, g, s, t):
    return w - lr * g * min(1, 1.5 / np.sqrt((g**2).sum()))


by_hand("sgd", {"learningRate": lr, "clipnorm": 1.5}, clipnorm)
norms = [math.sqrt(sum((g**2).sum() for g in gs)) for gs in gradients]
by_hand("sgd", {"learningRate": lr, "globalClipnorm": 1.5}, lambda w, g, s, t: w - lr * g * min(1, 1.5 / norms[t - 1]))
by_hand("sgd", {"learningRate": lr, "weightDecay": 0.1}, lambda w, g, s, t: w - lr * 0.1 * w - lr * g)


def adam(w, g, s, t, rate=lr, b1=0.9, b2=0.999, e=1e-7, amsgrad=False):
    m, v = ema(s, "m", g, b1), ema(s, "v", g * g, b2)
    if amsgrad:
        v = s["u"] = np.maximum(s.get("u", 0), v)
    return w - rate * math.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(v) + e)


by_hand("adam", {"learningRate": lr, "epsilon": 0.01}, lambda *a: adam(*a, e=0.01))
by_hand("adam", {"learningRate": lr, "amsgrad": True}, lambda *a: adam(*a, amsgrad=True))


def accumulated(w, g, s, t):
    s["sum"] = s.get("sum", 0) + g
    if t % 3:
        return w
    g = s.pop("sum") / 3
    return adam(w - lr * 0.1 * w, g, s, t // 3)


by_hand("adam", {"learningRate": lr, "gradientAccumulationSteps": 3, "weightDecay": 0.1}, accumulated)


def averaged(w, g, s, t):
    w = w - lr * g
    s["a"] = w if t == 1 else 0.7 * s["a"] + 0.3 * w
    return s["a"] if t % 4 == 0 else w


by_hand("sgd", {"learningRate": lr, "useEma": True, "emaMomentum": 0.7, "emaOverwriteFrequency": 4}, averaged)


def gathered(w, g, s, t):
    """Keras counts updates for the average, but averages at every call."""
    s["sum"] = s.get("sum", 0) + g
    if t % 2 == 0:
        w = w - lr * s.pop("sum") / 2
    done = (t - 1) // 2
    s["a"] = w if done == 0 else 0.7 * s["a"] + 0.3 * w
    return s["a"] if (done + 1) % 2 == 0 else w


by_hand("sgd", {"learningRate": lr, "gradientAccumulationSteps": 2, "useEma": True, "emaMomentum": 0.7, "emaOverwriteFrequency": 2}, gathered)


def rmsprop(w, g, s, t):
    return w - lr * g / np.sqrt(ema(s, "v", g * g, 0.9) + 0.01)


by_hand("rmsprop", {"learningRate": lr, "epsilon": 0.01}, rmsprop)


def nadam(w, g, s, t, d=1.0):
    now, after = (0.9 * (1 - 0.5 * 0.96 ** (k * d)) for k in (t, t + 1))
    s["c"] = s.get("c", 1) * now
    m, v = ema(s, "m", g, 0.9), ema(s, "v", g * g, 0.999)
    look = after * m / (1 - s["c"] * after) + (1 - now) * g / (1 - s["c"])
    return w - lr * look / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)


by_hand("nadam", {"learningRate": lr}, nadam)
by_hand("nadam", {"learningRate": lr, "momentumDecay": 0.004}, lambda *a: nadam(*a, d=0.004))


def ftrl(w, g, s, t, power=-0.5, l1=0.0, l2=0.0, shrink=0.0, beta=0.0):
    a = s.get("a", 0.1)
    n = a + g * g
    s["z"] = s.get("z", 0) + g + 2 * shrink * w - (n**-power - a**-power) / lr * w
    s["a"] = n
    q = n**-power / lr + 2 * (l2 + beta / (2 * lr))
    return (np.clip(s["z"], -l1, l1) - s["z"]) / q


by_hand("ftrl", {"learningRate": lr}, ftrl)
by_hand(
    "ftrl",
    {"learningRate": lr, "learningRatePower": -0.7, "l1RegularizationStrength": 0.3, "l2RegularizationStrength": 0.2, "l2ShrinkageRegularizationStrength": 0.1, "beta": 0.05},
    lambda *a: ftrl(*a, -0.7, 0.3, 0.2, 0.1, 0.05),
)


def lion(w, g, s, t):
    m = s.get("m", 0)
    s["m"] = 0.99 * m + 0.01 * g
    return w - lr * np.sign(0.9 * m + 0.1 * g)


by_hand("lion", {"learningRate": lr}, lion)


def lamb(w, g, s, t):
    m, v = ema(s, "m", g, 0.9), ema(s, "v", g * g, 0.999)
    r = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
    return w - np.linalg.norm(w) / np.linalg.norm(r) * lr * r


by_hand("lamb", {"learningRate": lr}, lamb)


def adafactor(w, g, s, t):
    beta = 1 - t**-0.8
    u = g * g + 1e-30
    if w.ndim > 1:
        r = s["r"] = beta * s.get("r", 0) + (1 - beta) * u.mean(-1)
        c = s["c"] = beta * s.get("c", 0) + (1 - beta) * u.mean(-2)
        v = (r / r.mean())[:, None] * c[None]
    else:
        v = s["v"] = beta * s.get("v", 0) + (1 - beta) * u
    u = g / np.sqrt(v)
    rms = lambda x: math.sqrt((x * x).mean())
    return w - max(1e-3, rms(w)) * min(lr, 1 / math.sqrt(t)) * u / max(1, rms(u))


by_hand("adafactor", {"learningRate": lr}, adafactor)


def muon(w, g, s, t):
    w = w - lr * 0.004 * w
    if w.ndim != 2:
        return adam(w, g, s, t)
    m = s["m"] = 0.95 * s.get("m", 0) + g
    x = g + 0.95 * m
    turned = x.shape[0] > x.shape[1]
    x = (x.T if turned else x) / (np.linalg.norm(x) + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
    return w - lr * (x.T if turned else x) * 0.2 * math.sqrt(max(w.shape))


by_hand("muon", {"learningRate": lr}, muon)


def schedule_free(w, g, s, t, decay=0.0):
    z = s.get("z", w)
    w = w - lr * decay * w
    v = ema(s, "v", g * g, 0.999)
    s["z"] = z - lr * g / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    x = (1 - 1 / t) * (w - 0.1 * z) / 0.9 + s["z"] / t
    return 0.1 * s["z"] + 0.9 * x


by_hand("scheduleFreeAdamW", {"learningRate": lr}, schedule_free)
by_hand("scheduleFreeAdamW", {"learningRate": lr, "weightDecay": 0.1}, lambda *a: schedule_free(*a, 0.1))


def shrunk_and_averaged(w, g, s, t):
    w = adam(w - lr * 0.1 * w, g, s, t)
    s["a"] = w if t == 1 else 0.7 * s["a"] + 0.3 * w
    return s["a"] if t % 4 == 0 else w


by_hand("adamW", {"learningRate": lr, "weightDecay": 0.1, "useEma": True, "emaMomentum": 0.7, "emaOverwriteFrequency": 4}, shrunk_and_averaged)


def asgd(w, g, s, t):
    eta = lr / (1 + 1e-4 * lr * (t - 1)) ** 0.75
    return w * (1 - 1e-4 * eta) - eta * g


by_hand("asgd", {"learningRate": lr}, asgd)

# Schedules: PyTorch's, step by step


def rates(make, n, lr=0.1):
    w = torch.zeros(1, requires_grad=True)
    opt = o.SGD([w], lr, momentum=0.9)
    s = make(opt)
    out = []
    for _ in range(n):
        out.append(opt.param_groups[0]["lr"])
        opt.step()
        s.step()
    return out


L = o.lr_scheduler
i = {"initialLearningRate": 0.1}
schedules = [
    ["exponentialDecay", {**i, "decaySteps": 1, "decayRate": 0.97}, rates(lambda w: L.ExponentialLR(w, 0.97), 25)],
    ["stepDecay", {**i, "stepSize": 4, "gamma": 0.5}, rates(lambda w: L.StepLR(w, 4, 0.5), 25)],
    ["multiStepDecay", {**i, "milestones": [3, 9], "gamma": 0.2}, rates(lambda w: L.MultiStepLR(w, [3, 9], 0.2), 25)],
    ["constantThenFull", {**i, "factor": 0.25, "totalSteps": 6}, rates(lambda w: L.ConstantLR(w, 0.25, 6), 25)],
    ["linear", {**i, "startFactor": 0.2, "endFactor": 0.9, "totalSteps": 7}, rates(lambda w: L.LinearLR(w, 0.2, 0.9, 7), 25)],
    ["cosineAnnealing", {**i, "decaySteps": 10, "endLearningRate": 0.01}, rates(lambda w: L.CosineAnnealingLR(w, 10, 0.01), 25)],
    ["cosineWarmRestarts", {**i, "firstDecaySteps": 3, "tMul": 2, "endLearningRate": 0.01}, rates(lambda w: L.CosineAnnealingWarmRestarts(w, 3, 2, 0.01), 25)],
    ["cosineWarmRestarts", {**i, "firstDecaySteps": 5}, rates(lambda w: L.CosineAnnealingWarmRestarts(w, 5), 25)],
]
c = {"baseLearningRate": 0.01, "maxLearningRate": 0.1, "stepSizeUp": 4}
for mode, theirs in [("triangular", "triangular"), ("triangular2", "triangular2"), ("expRange", "exp_range")]:
    schedules.append(["cyclic", {**c, "mode": mode, "stepSizeDown": 6, "gamma": 0.98}, rates(lambda w: L.CyclicLR(w, 0.01, 0.1, 4, 6, mode=theirs, gamma=0.98), 25)])
for strategy in ("cos", "linear"):
    for three in (False, True):
        params = {"maxLearningRate": 0.1, "totalSteps": 25, "annealStrategy": strategy, "threePhase": three}
        schedules.append(["oneCycle", params, rates(lambda w: L.OneCycleLR(w, 0.1, 25, anneal_strategy=strategy, three_phase=three), 25)])


def cosine_decay(step, warm=0.0, warmup=0, alpha=0.05, n=12):
    if warm and step < warmup:
        return 0.1 + (warm - 0.1) * step / warmup
    done = min(max(step - (warmup if warm else 0), 0), n) / n
    return (warm or 0.1) * ((1 - alpha) * 0.5 * (1 + math.cos(math.pi * done)) + alpha)


def restarts(step, first=3, t=2.0, m=0.8, alpha=0.05):
    length, height = first, 1.0
    while step >= length:
        step, length, height = step - length, length * t, height * m
    return 0.1 * ((1 - alpha) * height * 0.5 * (1 + math.cos(math.pi * step / length)) + alpha)


schedules += [
    ["exponentialDecay", {**i, "decaySteps": 4, "decayRate": 0.5, "staircase": True}, [0.1 * 0.5 ** (k // 4) for k in range(25)]],
    ["inverseTimeDecay", {**i, "decaySteps": 4, "decayRate": 0.5}, [0.1 / (1 + 0.5 * k / 4) for k in range(25)]],
    ["polynomialDecay", {**i, "decaySteps": 9, "endLearningRate": 0.01, "power": 1.7}, [0.09 * (1 - min(k, 9) / 9) ** 1.7 + 0.01 for k in range(25)]],
    ["polynomialDecay", {**i, "decaySteps": 9, "endLearningRate": 0.01, "cycle": True}, [0.09 * (1 - k / (9 * max(1, math.ceil(k / 9)))) + 0.01 for k in range(25)]],
    ["piecewiseConstantDecay", {"boundaries": [4, 9], "values": [0.1, 0.03, 0.01]}, [0.1 if k <= 4 else 0.03 if k <= 9 else 0.01 for k in range(25)]],
    ["cosineDecay", {**i, "decaySteps": 12, "alpha": 0.05}, [cosine_decay(k) for k in range(25)]],
    ["cosineDecay", {**i, "decaySteps": 12, "alpha": 0.05, "warmupTarget": 0.3, "warmupSteps": 5}, [cosine_decay(k, 0.3, 5) for k in range(25)]],
    ["cosineDecayRestarts", {**i, "firstDecaySteps": 3, "mMul": 0.8, "alpha": 0.05}, [restarts(k) for k in range(25)]],
    ["cosineDecayRestarts", {**i, "firstDecaySteps": 4, "tMul": 1, "alpha": 0.05, "mMul": 0.8}, [restarts(k, 4, 1.0) for k in range(25)]],
]
flat = lambda arrays: np.concatenate([a.ravel() for a in arrays]).tolist()
(folder / "optimizers.json").write_text(
    json.dumps({"about": "made by scripts/torch_training.py", "torch": torch.__version__, "shapes": shapes, "begin": flat(begin), "gradients": [flat(g) for g in gradients], "runs": runs, "schedules": schedules}) + "\n"
)
print(len(cases), "losses", len(runs), "runs", len(schedules), "schedules")
