"""Campaigns of the null backend on folders that stand for hosts."""

import json
import os

import pytest
import yaml


@pytest.fixture
def campaign_file(tmp_path, tiny_dataset, manifest):
    """Write a campaign file of the tiny model; returns its path."""

    def write(
        name="autumn",
        hosts=("here",),
        scenarios=("SingleStream",),
        modes=("performance",),
        settings=None,
        options=None,
        **more,
    ):
        script = {
            "models": [str(manifest(delay_us=1000, **(options or {})))],
            "model": "tiny", "framework": "null", "scenario": list(scenarios),
            "mode": list(modes), "dataset_path": str(tiny_dataset), "min_duration": "300ms",
            "min_query_count": 100,
        }  # fmt: skip
        (tmp_path / "tiny-script.yaml").write_text(json.dumps(script))
        target = {
            "name": "box", "hosts": list(hosts), "scripts": ["tiny-script.yaml"],
            "settings": settings or {}, "environment": {"LOADSCOPE_LAYOUT_SECONDS": "0"},
        } | more.pop("target", {})  # fmt: skip
        path = tmp_path / f"{name}.yaml"
        path.write_text(
            yaml.safe_dump({"name": name, "rehearsal": True, "targets": [target], **more})
        )
        return path

    return write


@pytest.fixture
def threads_set(monkeypatch):
    """Thread variables as Dask's nanny would set them."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                 "MALLOC_TRIM_THRESHOLD_", "PYTHONHASHSEED"):  # fmt: skip
        monkeypatch.setitem(os.environ, name, "1")
