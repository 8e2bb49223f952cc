"""A wheel with compiled pricing, when asked for: ``FAIRDAY_COMPILE=1 pip wheel . --no-deps --no-build-isolation``."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledPricing(BuildHookInterface):
    """Compiles before the wheel is made and puts the modules into it; a wheel of one Python and platform then."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or os.environ.get("FAIRDAY_COMPILE") != "1":
            return
        subprocess.run(
            [sys.executable, "scripts/compile.py"], cwd=self.root, check=True, env={**os.environ, "CI": "true"}
        )
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["artifacts"].append("src/fairday/offers/pricing/compiled/*")
