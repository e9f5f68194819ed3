"""Datasets: the videos and labels of benchmarks, and of your own folders."""
