"""OpenCV DNN, and Caffe models on it."""
