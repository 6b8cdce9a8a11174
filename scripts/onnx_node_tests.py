"""Writes the cases of ONNX's backend tests to a folder, and the small direct ones as a fixture.

    python3 scripts/onnx_node_tests.py FOLDER [FIXTURE.json.gz]
"""
import base64
import gzip
import json
import os
import sys

import numpy as np

for name, kind in (('float', float), ('bool', bool), ('object', object)):
    if name not in np.__dict__:  # the generator was written for an older NumPy
        setattr(np, name, kind)

from onnx.backend.test import cmd_tools
from onnx.backend.test.case import node

if not hasattr(cmd_tools, 'node_test'):  # newer generators leave the cases of nodes out
    cmd_tools.model_test.collect_testcases = lambda: node.collect_testcases()

folder, *fixture = sys.argv[1:]
os.makedirs(os.path.join(folder, 'node'), exist_ok=True)
sys.argv = ['cmd_tools', 'generate-data', '-o', folder]
cmd_tools.main()


def read(path):
    with open(path, 'rb') as file:
        return base64.b64encode(file.read()).decode()


if fixture:
    cases = {}
    root = os.path.join(folder, 'node')
    for name in sorted(os.listdir(root)):
        data = os.path.join(root, name, 'test_data_set_0')
        files = {file[:-3]: os.path.join(data, file) for file in sorted(os.listdir(data))}
        files['model'] = os.path.join(root, name, 'model.onnx')
        if not name.endswith('_expanded') and sum(map(os.path.getsize, files.values())) <= 6000:
            cases[name.removeprefix('test_')] = {key: read(path) for key, path in files.items()}
    with gzip.GzipFile(fixture[0], 'wb', 9, mtime=0) as file:
        file.write(json.dumps(cases).encode())
    print(len(cases), 'cases')
