"""The endings of names of files that vadkit reads, and of archives, in lower case."""

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"})
# What FFmpeg opens: usual files, raw streams, and the files of recorders and older cameras.
VIDEO_SUFFIXES = frozenset(
    {
        ".mp4", ".m4v", ".mov", ".qt", ".avi", ".divx", ".mkv", ".webm", ".ts", ".m2ts", ".mts",
        ".m2t", ".trp", ".mpg", ".mpeg", ".mpe", ".m1v", ".m2v", ".vob", ".wmv", ".asf", ".flv",
        ".f4v", ".3gp", ".3g2", ".ogv", ".ogm", ".mxf", ".dv", ".dav", ".h264", ".264", ".h265",
        ".265", ".hevc", ".mjpg", ".mjpeg", ".y4m", ".gif", ".rm", ".rmvb", ".nut", ".amv",
    }
)  # fmt: skip
ARCHIVE_SUFFIXES = frozenset({".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz"})
