"""Builds the component of a project: `python -m weir.build --project DIR --out FILE`."""
