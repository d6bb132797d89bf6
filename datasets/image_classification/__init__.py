"""Image classification on data sets in ImageNet's layout."""
