"""Published detectors on the same stream as ours: the packages themselves where they exist, else the rules written anew.

A benchmark: the product never imports this folder. nrt (EUPL-1.2) and pyxccd (Apache-2.0, its wheel carries GPL-3 GSL)
are optional; a peer whose package is absent is named in `MISSING` with the remedy.

Import it as `peers`, with this folder's parent on the path, as scripts in it have: the compiled loops keep that name.
"""

from importlib.util import find_spec
from typing import Final

from peers.bayts import Bayts
from peers.dist_hls import DistHls
from peers.dist_s1 import DistS1
from peers.landtrendr import LandTrendr
from peers.nrt_monitors import NrtCusum, NrtEwma, NrtIqr, NrtMosum
from peers.peer import Peer
from peers.pyxccd_segments import Cold, Sccd
from peers.radar_cusum import RadarCusum

_OURS: Final[tuple[Peer, ...]] = (DistHls(), DistS1(), Bayts(), RadarCusum(), LandTrendr())
_PACKAGED: Final[dict[str, tuple[Peer, ...]]] = {
    "nrt": (NrtEwma(), NrtCusum(), NrtMosum(), NrtIqr()),
    "pyxccd": (Cold(), Sccd()),
}

MISSING: Final[dict[str, str]] = {
    peer.name: f"package {package} is not installed; pip install {package}"
    for package, peers in _PACKAGED.items()
    if find_spec(package) is None
    for peer in peers
}
"""Name of a peer -> why it cannot run here."""

PEERS: Final[tuple[Peer, ...]] = _OURS + tuple(
    p for peers in _PACKAGED.values() for p in peers if p.name not in MISSING
)
"""Every peer that can run here, at its published defaults."""

__all__ = [
    "MISSING", "PEERS", "Bayts", "Cold", "DistHls", "DistS1", "LandTrendr", "NrtCusum", "NrtEwma", "NrtIqr", "NrtMosum",
    "Peer", "RadarCusum", "Sccd",
]  # fmt: skip
