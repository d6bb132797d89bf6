"""Model files and data sets brought to this machine, checked, and kept in the cache."""

from loadscope.suite.fetch.datasets import dataset_folder, dataset_in_cache, fetch_dataset
from loadscope.suite.fetch.files import Fetched, fetch_file, is_cached

__all__ = [
    "Fetched",
    "dataset_folder",
    "dataset_in_cache",
    "fetch_dataset",
    "fetch_file",
    "is_cached",
]
