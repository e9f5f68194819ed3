"""Methods that learn from windows of the poses of tracked people."""
