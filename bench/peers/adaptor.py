"""What every Python adaptor does alike: arguments, data, timing, one line of JSON a result."""
import json, os, statistics, sys, time

workload = sys.argv[1]
threads = sys.argv[2]
variant = sys.argv[3] if len(sys.argv) > 3 else ''
for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'):
    os.environ[name] = threads
import numpy as np

WARM = float(os.environ.get('BENCH_WARM', 1000)) / 1000
BUDGET = float(os.environ.get('BENCH_BUDGET', 3000)) / 1000
BLOCK = 0.1
quick = os.environ.get('BENCH_QUICK') == '1'
MANY = 4_000_000
LOWER = dict(s=1, ms=1e3)


def emit(metric, timed, unit, count=1, **extra):
    figure = lambda s: float('%.5g' % (s * LOWER[unit] if unit in LOWER else count / s))
    print(json.dumps(dict(workload=workload, metric=metric, value=figure(timed['s']), best=figure(timed['best']), unit=unit,
                          samples=timed['samples'], **extra)), flush=True)


def measure(call, share=1):
    began = time.perf_counter(); calls = 0; last = 0
    while calls < 3 or time.perf_counter() - began < WARM * share:
        start = time.perf_counter(); call(); last = time.perf_counter() - start; calls += 1
    inner = max(1, round(BLOCK / max(last, 1e-9)))
    samples = []; began = time.perf_counter()
    while len(samples) < 3 or time.perf_counter() - began < BUDGET * share:
        start = time.perf_counter()
        for _ in range(inner): call()
        samples.append((time.perf_counter() - start) / inner)
    return dict(s=statistics.median(samples), best=min(samples), samples=len(samples))


def repeat(times, prepare, call):
    samples = []
    for _ in range(times):
        what = prepare()
        start = time.perf_counter(); result = call(what); samples.append(time.perf_counter() - start)
    return dict(s=statistics.median(samples), best=min(samples), samples=times), result


def mnist(count, split='train'):
    part = lambda kind: os.path.join(os.environ['MNIST_DIR'], split + '-' + kind + '-ubyte')
    x = np.fromfile(part('images-idx3'), np.uint8, 16 + count * 784)[16:].astype(np.float32) / 255
    y = np.fromfile(part('labels-idx1'), np.uint8, 8 + count)[8:]
    return x.reshape(count, 784), y


def planar():
    """Two classes of 200 points each on the petals of a flower."""
    rs = np.random.RandomState(1)
    x = np.zeros((400, 2), np.float32); y = np.zeros((400, 1), np.float32)
    for label in range(2):
        rows = range(200 * label, 200 * (label + 1))
        angle = np.linspace(label * 3.12, (label + 1) * 3.12, 200) + rs.randn(200) * 0.2
        radius = 4 * np.sin(4 * angle) + rs.randn(200) * 0.2
        x[rows] = np.c_[radius * np.sin(angle), radius * np.cos(angle)]; y[rows] = label
    return x, y
