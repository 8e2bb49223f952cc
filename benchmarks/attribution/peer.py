"""ChannelAttribution over a file of paths, as a program of its own: python peer.py PATHS.csv OUT.json"""

import json
import sys
import time

import pandas
from ChannelAttribution import heuristic_models, markov_model

data = pandas.read_csv(sys.argv[1])
seconds, told = {}, {"markov": {}}
started = time.perf_counter()
found = heuristic_models(data, "path", "conversions", var_value="value", flg_pro=False)
seconds["first, last, linear"] = time.perf_counter() - started
told["heuristics"] = {"channels": [str(c) for c in found.iloc[:, 0]]}
for model in ("first", "last", "linear"):
    told["heuristics"][f"{model}_conversions"] = [float(x) for x in found[f"{model}_touch_conversions"]]
    told["heuristics"][f"{model}_values"] = [float(x) for x in found[f"{model}_touch_value"]]
for order in (1, 2, 3):
    started = time.perf_counter()
    found = markov_model(data, "path", "conversions", var_value="value", var_null="nulls", order=order,
                         verbose=False, flg_pro=False)  # fmt: skip
    seconds[f"Markov, order {order}, simulated"] = time.perf_counter() - started
    if not isinstance(found, pandas.DataFrame):
        found = found["result"]
    told["markov"][str(order)] = {
        "channels": [str(c) for c in found.iloc[:, 0]],
        "conversions": [float(x) for x in found.iloc[:, 1]],
        "values": [float(x) for x in found.iloc[:, 2]],
    }
told["seconds"] = seconds
with open(sys.argv[2], "w") as f:
    json.dump(told, f)
