"""Features of segments of video: sets of them on disk, bags for training, scores of frames."""
