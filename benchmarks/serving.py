"""`perdure serve` under load: durable runs per second through `POST /invoke`, how long a receipt takes when 1,000
clients ask at once, what its idle memory is, and what streams cost: 500 runs heard by a client each, one run that has
ended told to 500, and one that goes on followed by 500.

A receipt (`async: true`) is on disk when it comes.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser

from peers.catalogue import OURS, PEERS
from peers.process import Entrant
from peers.serving import serving

if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=8_000)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--crowd", type=int, default=1_000)
    parser.add_argument("--watchers", type=int, default=500)
    ours = next(peer for peer in PEERS if peer.name == OURS)
    print(json.dumps(serving(Entrant(ours, sys.executable), vars(parser.parse_args()))))
