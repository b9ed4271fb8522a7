"""Puts the library that WEIR_LIBRARY names into the wheel, which then is for this machine's kind, and for every Python."""

import os
import sysconfig
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Library(BuildHookInterface):  # type: ignore[misc]
    """See the module."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        library = os.environ.get("WEIR_LIBRARY")
        if not library:
            raise ValueError("WEIR_LIBRARY does not name the library: `cargo xtask spark` builds it, and then the wheel")
        build_data["force_include"][library] = "weir/spark/libweir_native.so"
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")
