"""Where frames come from: files, cameras, streams and standard input."""
