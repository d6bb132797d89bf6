"""Object detection on data sets in COCO's layout."""
